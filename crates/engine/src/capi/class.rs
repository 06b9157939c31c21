/*! Python types whose instances carry a Rust value, made per interpreter by `PyType_FromSpec`.

A class lists its methods and getters as tables of plain functions. The C functions that Python calls are generic over the class and the
place in its table, so each enters through the one guard here: a panic becomes a `RuntimeError` and a line in the log, never an
unwinding into C. */
#![expect(unsafe_code, reason = "this folder is the engine's border with Python's C API")]

use std::any::TypeId;
use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;

use pyo3::ffi;

use super::arguments::Arguments;
use super::error::{PyResult, Raised};
use super::object::{Attached, Kept, Object};
use crate::logging::panics::caught;

/// One method: name, documentation, and the function that Python calls.
pub struct Method<T> {
    /// As Python sees it.
    pub name: &'static CStr,
    /// `__doc__`
    pub doc: &'static CStr,
    /// Gets the value, the object that carries it, and the arguments.
    pub call: for<'py> fn(&T, &Object<'py>, &Arguments<'_, 'py>) -> PyResult<Object<'py>>,
}

/// One read-only attribute.
pub struct Getter<T> {
    /// As Python sees it.
    pub name: &'static CStr,
    /// Makes the attribute's value.
    pub get: for<'py> fn(&T, Attached<'py>) -> PyResult<Object<'py>>,
}

/// A constructor: makes the value from the arguments of the call to the class.
pub type Constructor<T> = for<'py> fn(Attached<'py>, &Object<'py>, &Arguments<'_, 'py>) -> PyResult<T>;

/// A Rust type that can be the data of a Python object. Every thread that Python runs in can call its methods, at once where there is no GIL.
pub trait NativeClass: Sized + Send + Sync + 'static {
    /// Dotted name: module and class.
    const NAME: &'static CStr;
    /// `__doc__` of the class.
    const DOC: &'static CStr;
    /// At most [`TABLE`] methods.
    const METHODS: &'static [Method<Self>];
    /// At most [`TABLE`] getters.
    const GETTERS: &'static [Getter<Self>] = &[];
    /// How Python code makes an instance; `None`: it cannot.
    const CONSTRUCTOR: Option<Constructor<Self>> = None;
    /// Is an instance its own iterator ([`NativeClass::next_item`])?
    const ITERATOR: bool = false;

    /// The next item of the iteration; `None` at the end.
    ///
    /// # Errors
    /// Whatever the source raises.
    fn next_item<'py>(&self, _this: &Object<'py>) -> PyResult<Option<Object<'py>>> {
        Ok(None)
    }

    /// Gives up the references that the value keeps, when the object dies.
    fn release(self, _py: Attached<'_>) {}
}

/// The largest number of methods, and of getters, of a class.
pub const TABLE: usize = 16;

#[repr(C)]
struct Layout<T> {
    base: ffi::PyObject,
    value: T,
}

/// Runs what Python called. A panic is logged and becomes `RuntimeError`; what raised gives `failure`.
fn guarded<R>(failure: R, body: impl for<'py> FnOnce(Attached<'py>) -> PyResult<R>) -> R {
    // SAFETY: Python calls its extension functions with the thread attached, and until this one returns. The body knows no longer lifetime.
    let py = unsafe { Attached::assume() };
    match caught(|| body(py)) {
        Ok(Ok(value)) => value,
        Ok(Err(_raised)) => failure,
        Err(place) => {
            let _raised = Raised::runtime_error(py, &format!("internal error in mod_wsgi_rs: {place}"));
            failure
        }
    }
}

/// # Safety
/// `this` must be an instance of the class made from `T`, alive for `'a`.
unsafe fn value<'a, T: NativeClass>(this: *mut ffi::PyObject) -> &'a T {
    // SAFETY: instances of that class are made only by `allocate`, which fills the value; it lives until dealloc.
    unsafe { &(*this.cast::<Layout<T>>()).value }
}

unsafe extern "C" fn method<T: NativeClass, const N: usize>(
    this: *mut ffi::PyObject,
    positional: *mut ffi::PyObject,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    guarded(std::ptr::null_mut(), |py| {
        let row = T::METHODS.get(N).ok_or_else(|| Raised::runtime_error(py, "no such method"))?;
        // SAFETY: Python's method descriptors check the type of `this`, and hold it for the call.
        let (data, object) = unsafe { (value::<T>(this), Object::lend(py, &this)) };
        // SAFETY: METH_VARARGS | METH_KEYWORDS passes a tuple and a dict or null.
        let arguments = unsafe { Arguments::new(py, row.name, positional, keywords) };
        (row.call)(data, object, &arguments).map(Object::into_ptr)
    })
}

unsafe extern "C" fn getter<T: NativeClass, const N: usize>(
    this: *mut ffi::PyObject,
    _closure: *mut c_void,
) -> *mut ffi::PyObject {
    guarded(std::ptr::null_mut(), |py| {
        let row = T::GETTERS.get(N).ok_or_else(|| Raised::runtime_error(py, "no such attribute"))?;
        // SAFETY: Python's getset descriptors check the type of `this`.
        (row.get)(unsafe { value::<T>(this) }, py).map(Object::into_ptr)
    })
}

unsafe extern "C" fn iterator_itself(this: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: tp_iter gets a live object and returns a new reference to it.
    unsafe {
        ffi::Py_INCREF(this);
    }
    this
}

unsafe extern "C" fn next<T: NativeClass>(this: *mut ffi::PyObject) -> *mut ffi::PyObject {
    guarded(std::ptr::null_mut(), |py| {
        // SAFETY: tp_iternext gets a live instance of the class.
        let (data, object) = unsafe { (value::<T>(this), Object::lend(py, &this)) };
        Ok(data.next_item(object)?.map_or(std::ptr::null_mut(), Object::into_ptr))
    })
}

unsafe extern "C" fn construct<T: NativeClass>(
    class: *mut ffi::PyTypeObject,
    positional: *mut ffi::PyObject,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    guarded(std::ptr::null_mut(), |py| {
        let Some(constructor) = T::CONSTRUCTOR else {
            return Err(Raised::type_error(py, &format!("cannot create '{}' instances", T::NAME.to_string_lossy())));
        };
        let class_object = class.cast();
        // SAFETY: tp_new passes a tuple and a dict or null; the class is alive for the call.
        let (arguments, class) = unsafe { (Arguments::new(py, T::NAME, positional, keywords), Object::lend(py, &class_object)) };
        allocate(class, constructor(py, class, &arguments)?).map(Object::into_ptr)
    })
}

unsafe extern "C" fn dealloc<T: NativeClass>(this: *mut ffi::PyObject) {
    guarded((), |py| {
        // SAFETY: tp_dealloc is called once, with the last reference gone: the value is moved out, the memory freed by the
        // type's own tp_free, and the type's reference (heap types are counted by their instances) given back.
        unsafe {
            let class = ffi::Py_TYPE(this);
            std::ptr::read(&raw const (*this.cast::<Layout<T>>()).value).release(py);
            let free = ffi::PyType_GetSlot(class, ffi::Py_tp_free);
            if !free.is_null() {
                std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void)>(free)(this.cast());
            }
            ffi::Py_DECREF(class.cast());
        }
        Ok(())
    });
}

fn allocate<'py, T: NativeClass>(class: &Object<'py>, data: T) -> PyResult<Object<'py>> {
    let class_pointer: *mut ffi::PyTypeObject = class.as_ptr().cast();
    // SAFETY: the class (or a subclass) was made by `make_class::<T>`, so an instance has room for a Layout<T>.
    let pointer = unsafe { ffi::PyType_GenericAlloc(class_pointer, 0) };
    if pointer.is_null() {
        data.release(class.py());
        return Err(Raised::assume());
    }
    // SAFETY: freshly allocated memory of that layout; `write` does not read the old contents.
    unsafe {
        (&raw mut (*pointer.cast::<Layout<T>>()).value).write(data);
        Object::from_owned(class.py(), pointer)
    }
}

/// A Python class in one interpreter, which knows the Rust type that it was made of.
pub struct Class {
    object: Kept,
    value: TypeId,
}

impl Class {
    /// Makes the class of `T` in the current interpreter.
    ///
    /// # Errors
    /// `MemoryError`, and what `PyType_FromSpec` raises.
    pub fn make<T: NativeClass>(py: Attached<'_>) -> PyResult<Self> {
        Ok(Self { object: make_class::<T>(py)?.keep(), value: TypeId::of::<T>() })
    }

    /// The class as an object.
    pub const fn get<'a, 'py>(&'a self, py: Attached<'py>) -> &'a Object<'py> {
        self.object.get(py)
    }

    /// A new instance with that value.
    ///
    /// # Errors
    /// `MemoryError`; `TypeError` if the class is not of `T`.
    pub fn instance<'py, T: NativeClass>(&self, py: Attached<'py>, data: T) -> PyResult<Object<'py>> {
        if self.value != TypeId::of::<T>() {
            data.release(py);
            return Err(Raised::type_error(py, "a class of another value"));
        }
        allocate(self.get(py), data)
    }

    /// The value of `object`, if it is an instance of this class or of a subclass, and the class is of `T`.
    pub fn value<'a, T: NativeClass>(&self, object: &'a Object<'_>) -> Option<&'a T> {
        // SAFETY: a live object has a type; PyType_IsSubtype only reads both. If it holds, the layout is Layout<T>, because `make` has made this class of a `T`.
        unsafe {
            let class = self.get(object.py()).as_ptr();
            let subtype = ffi::PyType_IsSubtype(ffi::Py_TYPE(object.as_ptr()), class.cast()) != 0;
            (subtype && self.value == TypeId::of::<T>()).then(|| value::<T>(object.as_ptr()))
        }
    }
}

macro_rules! table {
    ($function:ident) => {
        [
            $function::<T, 0>,
            $function::<T, 1>,
            $function::<T, 2>,
            $function::<T, 3>,
            $function::<T, 4>,
            $function::<T, 5>,
            $function::<T, 6>,
            $function::<T, 7>,
            $function::<T, 8>,
            $function::<T, 9>,
            $function::<T, 10>,
            $function::<T, 11>,
            $function::<T, 12>,
            $function::<T, 13>,
            $function::<T, 14>,
            $function::<T, 15>,
        ]
    };
}

fn method_table<T: NativeClass>() -> *mut c_void {
    let functions: [ffi::PyCFunctionWithKeywords; TABLE] = table!(method);
    let mut rows: Vec<ffi::PyMethodDef> = T::METHODS
        .iter()
        .zip(functions)
        .map(|(row, function)| ffi::PyMethodDef {
            ml_name: row.name.as_ptr(),
            ml_meth: ffi::PyMethodDefPointer { PyCFunctionWithKeywords: function },
            ml_flags: ffi::METH_VARARGS | ffi::METH_KEYWORDS,
            ml_doc: row.doc.as_ptr(),
        })
        .collect();
    rows.push(ffi::PyMethodDef::zeroed());
    // The type refers to its table for as long as the interpreter lives, which is as long as the process does.
    Box::leak(rows.into_boxed_slice()).as_mut_ptr().cast()
}

fn getter_table<T: NativeClass>() -> *mut c_void {
    let functions: [ffi::getter; TABLE] = table!(getter);
    let mut rows: Vec<ffi::PyGetSetDef> = T::GETTERS
        .iter()
        .zip(functions)
        .map(|(row, function)| ffi::PyGetSetDef {
            name: row.name.as_ptr(),
            get: Some(function),
            set: None,
            doc: std::ptr::null(),
            closure: std::ptr::null_mut(),
        })
        .collect();
    rows.push(ffi::PyGetSetDef {
        name: std::ptr::null(),
        get: None,
        set: None,
        doc: std::ptr::null(),
        closure: std::ptr::null_mut(),
    });
    Box::leak(rows.into_boxed_slice()).as_mut_ptr().cast()
}

const fn slot(number: c_int, pointer: *mut c_void) -> ffi::PyType_Slot {
    ffi::PyType_Slot { slot: number, pfunc: pointer }
}

fn make_class<T: NativeClass>(py: Attached<'_>) -> PyResult<Object<'_>> {
    let mut slots = vec![
        slot(ffi::Py_tp_dealloc, dealloc::<T> as ffi::destructor as *mut c_void),
        slot(ffi::Py_tp_new, construct::<T> as ffi::newfunc as *mut c_void),
        slot(ffi::Py_tp_doc, T::DOC.as_ptr().cast_mut().cast()),
        slot(ffi::Py_tp_methods, method_table::<T>()),
        slot(ffi::Py_tp_getset, getter_table::<T>()),
    ];
    if T::ITERATOR {
        slots.push(slot(ffi::Py_tp_iter, iterator_itself as ffi::getiterfunc as *mut c_void));
        slots.push(slot(ffi::Py_tp_iternext, next::<T> as ffi::iternextfunc as *mut c_void));
    }
    slots.push(slot(0, std::ptr::null_mut()));
    let subclassable = if T::CONSTRUCTOR.is_some() { ffi::Py_TPFLAGS_BASETYPE } else { 0 };
    let mut spec = ffi::PyType_Spec {
        name: T::NAME.as_ptr(),
        basicsize: c_int::try_from(size_of::<MaybeUninit<Layout<T>>>()).unwrap_or(c_int::MAX),
        itemsize: 0,
        flags: u32::try_from(ffi::Py_TPFLAGS_DEFAULT | subclassable).unwrap_or_default(),
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the spec and its slots live through the call; what the type keeps (name, tables) is static or leaked.
    unsafe { Object::from_owned(py, ffi::PyType_FromSpec(&raw mut spec)) }
}
