/*! Environs of earlier requests, kept as patterns for later ones.

Most requests bring the same keys in the same order, and most of their values are those of the request before. So the dictionary of an
earlier request is copied as a whole, which Python does in one stroke, and only what differs is put in. A value that keeps changing is not
remembered any more, and what a client proves itself with never is. */

use crate::capi::{Attached, Kept, Object, PyResult};

/// How many sets of keys are remembered.
const MOST: usize = 8;
/// Once all are taken, only each so manieth request that fits none becomes a pattern: a client that makes headers up costs little.
const RARELY: u32 = 32;
/// A value that differed so often, one request after the other, is not remembered any more.
const OFTEN: u8 = 3;
/// Longer values are not remembered.
const LONGEST: usize = 512;
/// Values that are never remembered.
const SECRET: [&[u8]; 3] = [b"HTTP_AUTHORIZATION", b"HTTP_COOKIE", b"HTTP_PROXY_AUTHORIZATION"];

/// Keys and values, as they come from the server.
pub type Entries<'a> = [(&'a [u8], Option<&'a [u8]>)];

/// The patterns of one interpreter, the one used last first.
#[derive(Default)]
pub struct EnvironCache {
    known: Vec<Pattern>,
    unlike: u32,
}

impl EnvironCache {
    /// A dictionary with these entries, if a pattern fits. `text` makes the `str` of a value.
    ///
    /// # Errors
    /// `MemoryError`
    pub fn environ<'py>(
        &mut self,
        py: Attached<'py>,
        entries: &Entries<'_>,
        text: impl Fn(&[u8], Option<&[u8]>) -> PyResult<Object<'py>>,
    ) -> PyResult<Option<Object<'py>>> {
        let Some(found) = self.known.iter().position(|pattern| pattern.fits(entries)) else { return Ok(None) };
        self.known.get_mut(..=found).unwrap_or_default().rotate_right(1);
        self.known.first_mut().map(|pattern| pattern.environ(py, entries, text)).transpose()
    }

    /// Is a request that fits no pattern to become one?
    pub fn wants_another(&mut self) -> bool {
        self.unlike = self.unlike.wrapping_add(1);
        self.known.len() < MOST || self.unlike.is_multiple_of(RARELY)
    }

    /// Remembers `environ`, which nobody else has seen, as the dictionary of `entries`, each of which is in it once, by its key of `keys`.
    ///
    /// # Errors
    /// `MemoryError`
    pub fn remember<'py>(
        &mut self,
        py: Attached<'py>,
        entries: &Entries<'_>,
        environ: Object<'py>,
        keys: Vec<Object<'py>>,
    ) -> PyResult<()> {
        let pattern = Pattern::new(py, entries, environ, keys)?;
        if self.known.len() >= MOST
            && let Some(old) = self.known.pop()
        {
            old.release(py);
        }
        self.known.insert(0, pattern);
        Ok(())
    }
}

struct Pattern {
    places: Vec<CachedEntry>,
    /// Never given to anybody: what is given are copies.
    environ: Kept,
}

impl Pattern {
    fn new<'py>(py: Attached<'py>, entries: &Entries<'_>, environ: Object<'py>, keys: Vec<Object<'py>>) -> PyResult<Self> {
        let mut places = Vec::with_capacity(entries.len());
        for (key, (name, value)) in keys.into_iter().zip(entries) {
            let mut place = CachedEntry { name: (*name).into(), key: key.keep(), value: Remembered::Absent, differed: 0 };
            place.value = if SECRET.contains(name) { Remembered::Changing } else { Remembered::of(*value) };
            if matches!(place.value, Remembered::Changing) {
                environ.dict_set(place.key.get(py), &Object::none(py))?;
            }
            places.push(place);
        }
        Ok(Self { places, environ: environ.keep() })
    }

    fn fits(&self, entries: &Entries<'_>) -> bool {
        self.places.len() == entries.len() && self.places.iter().zip(entries).all(|(place, (name, _))| *place.name == **name)
    }

    fn environ<'py>(
        &mut self,
        py: Attached<'py>,
        entries: &Entries<'_>,
        text: impl Fn(&[u8], Option<&[u8]>) -> PyResult<Object<'py>>,
    ) -> PyResult<Object<'py>> {
        let pattern = self.environ.get(py);
        let environ = pattern.dict_copy()?;
        for (place, (name, value)) in self.places.iter_mut().zip(entries) {
            if place.value.is(*value) {
                place.differed = 0;
                continue;
            }
            let fresh = text(name, *value)?;
            let key = place.key.get(py);
            environ.dict_set(key, &fresh)?;
            if matches!(place.value, Remembered::Changing) {
                continue;
            }
            place.differed += 1;
            place.value = if place.differed < OFTEN { Remembered::of(*value) } else { Remembered::Changing };
            match place.value {
                Remembered::Changing => pattern.dict_set(key, &Object::none(py))?,
                _ => pattern.dict_set(key, &fresh)?,
            }
        }
        Ok(environ)
    }

    fn release(self, py: Attached<'_>) {
        for place in self.places {
            place.key.release(py);
        }
        self.environ.release(py);
    }
}

/// One key of a pattern.
struct CachedEntry {
    name: Box<[u8]>,
    key: Kept,
    value: Remembered,
    /// How many requests in a row brought another value.
    differed: u8,
}

/// What a pattern's dictionary holds at a place.
enum Remembered {
    /// `None`: the key came without a value.
    Absent,
    /// The text of these bytes.
    Text(Box<[u8]>),
    /// Nothing of use.
    Changing,
}

impl Remembered {
    fn of(value: Option<&[u8]>) -> Self {
        match value {
            None => Self::Absent,
            Some(text) if text.len() <= LONGEST => Self::Text(text.into()),
            Some(_) => Self::Changing,
        }
    }

    fn is(&self, value: Option<&[u8]>) -> bool {
        match (self, value) {
            (Self::Absent, None) => true,
            (Self::Text(known), Some(value)) => **known == *value,
            _ => false,
        }
    }
}
