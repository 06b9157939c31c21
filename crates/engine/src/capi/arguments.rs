/*! The arguments of a call from Python. */
#![expect(unsafe_code, reason = "this folder is the engine's border with Python's C API")]

use std::ffi::CStr;
use std::ptr::NonNull;

use pyo3::ffi;

use super::error::{PyResult, Raised};
use super::object::{Attached, Object};

/// Positional and keyword arguments of one call.
pub struct Arguments<'a, 'py> {
    py: Attached<'py>,
    function: &'a CStr,
    positional: *mut ffi::PyObject,
    keywords: *mut ffi::PyObject,
}

impl<'a, 'py> Arguments<'a, 'py> {
    /// # Safety
    /// `positional` must be a tuple and `keywords` a dict or null, both alive for `'a`.
    pub(super) const unsafe fn new(
        py: Attached<'py>,
        function: &'a CStr,
        positional: *mut ffi::PyObject,
        keywords: *mut ffi::PyObject,
    ) -> Self {
        Self { py, function, positional, keywords }
    }

    /// Binds the arguments to `names`, of which the first `required` must be given: one place per name.
    ///
    /// # Errors
    /// `TypeError`, worded as Python's own, for too few, too many, unknown or doubled arguments.
    pub fn bind<const N: usize>(&self, names: [&str; N], required: usize) -> PyResult<[Option<Object<'py>>; N]> {
        let mut places = [const { None }; N];
        // SAFETY: it is a tuple (see `new`).
        let given = usize::try_from(unsafe { ffi::PyTuple_Size(self.positional) }).unwrap_or(0);
        if given > N {
            let plural = if N == 1 { "" } else { "s" };
            return Err(self.refuse(&format!("takes at most {N} argument{plural} ({given} given)")));
        }
        for (i, place) in places.iter_mut().enumerate().take(given) {
            // SAFETY: i is below the tuple's size; the reference is borrowed from it.
            let item = unsafe { NonNull::new(ffi::PyTuple_GetItem(self.positional, super::object::size(i))) };
            // SAFETY: the tuple holds it for the whole call.
            *place = item.map(|item| unsafe { Object::from_borrowed(self.py, item) });
        }
        self.bind_keywords(&names, &mut places)?;
        if let Some((name, _)) = names.iter().zip(&places).take(required).find(|(_, place)| place.is_none()) {
            return Err(self.refuse(&format!("missing required argument: '{name}'")));
        }
        Ok(places)
    }

    fn bind_keywords(&self, names: &[&str], places: &mut [Option<Object<'py>>]) -> PyResult<()> {
        if self.keywords.is_null() {
            return Ok(());
        }
        let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: it is a dict (see `new`) that nobody changes meanwhile; key and value are borrowed from it.
        while unsafe { ffi::PyDict_Next(self.keywords, &raw mut position, &raw mut key, &raw mut value) } != 0 {
            let (Some(key), Some(value)) = (NonNull::new(key), NonNull::new(value)) else { continue };
            // SAFETY: the dictionary holds both.
            let (key, value) = unsafe { (Object::from_borrowed(self.py, key), Object::from_borrowed(self.py, value)) };
            let key = key.to_text()?;
            match names.iter().position(|name| *name == key).and_then(|i| places.get_mut(i)) {
                None => return Err(self.refuse(&format!("got an unexpected keyword argument '{key}'"))),
                Some(Some(_)) => return Err(self.refuse(&format!("got multiple values for argument '{key}'"))),
                Some(place) => *place = Some(value),
            }
        }
        Ok(())
    }

    fn refuse(&self, what: &str) -> Raised {
        Raised::type_error(self.py, &format!("{}() {what}", self.function.to_string_lossy()))
    }
}
