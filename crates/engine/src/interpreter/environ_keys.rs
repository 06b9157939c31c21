/*! The `str` objects of environ keys, shared between the requests of an interpreter.

Requests bring much the same keys in much the same order, so each place remembers what stood there last: a comparison
instead of a hash. */

use std::collections::HashMap;

use crate::capi::{Attached, Kept, Object, PyResult};

/// Keys beyond this number are made for each request, so that a client's header names can't fill the memory.
const MOST: usize = 512;

/// The cache of one interpreter.
#[derive(Default)]
pub struct EnvironKeys {
    known: Vec<(Box<[u8]>, Kept)>,
    by_name: HashMap<Box<[u8]>, usize>,
    /// For each place in a request's list, the key that stood there last.
    last: Vec<usize>,
}

impl EnvironKeys {
    /// The key that stands at `place` of a request's list.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn at<'py>(&mut self, py: Attached<'py>, place: usize, name: &[u8]) -> PyResult<Object<'py>> {
        let guess = self.last.get(place).and_then(|index| self.known.get(*index));
        if let Some((_, kept)) = guess.filter(|(known, _)| **known == *name) {
            return Ok(kept.get(py).clone());
        }
        let Some(index) = self.index(py, name)? else { return Object::latin1(py, name) };
        if place >= self.last.len() && place < MOST {
            self.last.resize(place + 1, index);
        }
        if let Some(last) = self.last.get_mut(place) {
            *last = index;
        }
        self.known.get(index).map_or_else(|| Object::latin1(py, name), |(_, kept)| Ok(kept.get(py).clone()))
    }

    /// The place of a name in `known`, where it is entered if there is room.
    fn index(&mut self, py: Attached<'_>, name: &[u8]) -> PyResult<Option<usize>> {
        if let Some(index) = self.by_name.get(name) {
            return Ok(Some(*index));
        }
        if self.known.len() >= MOST {
            return Ok(None);
        }
        let index = self.known.len();
        self.known.push((name.into(), Object::latin1(py, name)?.keep()));
        self.by_name.insert(name.into(), index);
        Ok(Some(index))
    }

    /// The key of a name that stands in no list.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn named<'py>(&mut self, py: Attached<'py>, name: &[u8]) -> PyResult<Object<'py>> {
        match self.index(py, name)?.and_then(|index| self.known.get(index)) {
            Some((_, kept)) => Ok(kept.get(py).clone()),
            None => Object::latin1(py, name),
        }
    }
}
