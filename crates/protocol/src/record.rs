/*! Records: named values in one byte string, for what one process tells another when it starts it.

The encoding is a list of `name NUL u32-length value` entries, so that a field can be added without breaking a peer: an unknown name is
skipped, a missing one keeps its default. Lists repeat their entry; a record inside a record is a value like any other. */

/// Why an encoded record could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the settings are malformed: the parts of mod_wsgi_rs are from different builds")
    }
}

impl std::error::Error for Malformed {}

/// A value that a record can hold.
pub trait Field {
    /// Appends the value's entry (a list: one entry per item).
    fn put(&self, name: &str, out: &mut Vec<u8>);
    /// Takes one entry's value.
    ///
    /// # Errors
    /// [`Malformed`] when it has the wrong size or form.
    fn take(&mut self, value: &[u8]) -> Result<(), Malformed>;
}

/// Appends one entry.
pub fn entry(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(value);
}

/// Calls `take` with each entry's name and value.
///
/// # Errors
/// [`Malformed`] when an entry is cut short, or what `take` says.
pub fn entries(mut bytes: &[u8], mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Malformed>) -> Result<(), Malformed> {
    while !bytes.is_empty() {
        let end = bytes.iter().position(|b| *b == 0).ok_or(Malformed)?;
        let (name, rest) = bytes.split_at_checked(end).ok_or(Malformed)?;
        let (length, rest) = rest.get(1..).and_then(|r| r.split_first_chunk::<4>()).ok_or(Malformed)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Malformed)?;
        let (value, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        take(name, value)?;
        bytes = rest;
    }
    Ok(())
}

impl Field for Vec<u8> {
    fn put(&self, name: &str, out: &mut Vec<u8>) {
        entry(name, self, out);
    }
    fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
        *self = value.to_vec();
        Ok(())
    }
}

impl Field for Vec<Vec<u8>> {
    fn put(&self, name: &str, out: &mut Vec<u8>) {
        for item in self {
            entry(name, item, out);
        }
    }
    fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
        self.push(value.to_vec());
        Ok(())
    }
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Field for Vec<$type> {
            fn put(&self, name: &str, out: &mut Vec<u8>) {
                for item in self {
                    entry(name, &item.to_le_bytes(), out);
                }
            }
            fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
                self.push(<$type>::from_le_bytes(value.try_into().map_err(|_| Malformed)?));
                Ok(())
            }
        }
    )*};
}

numbers!(u32, i32);

impl Field for bool {
    fn put(&self, name: &str, out: &mut Vec<u8>) {
        entry(name, &[u8::from(*self)], out);
    }
    fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
        *self = match value {
            [0] => false,
            [1] => true,
            _ => return Err(Malformed),
        };
        Ok(())
    }
}

macro_rules! number {
    ($($kind:ty),+) => { $(
        impl Field for $kind {
            fn put(&self, name: &str, out: &mut Vec<u8>) {
                entry(name, &self.to_le_bytes(), out);
            }
            fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
                *self = Self::from_le_bytes(value.try_into().map_err(|_| Malformed)?);
                Ok(())
            }
        }
    )+ };
}

number!(u32, i32, u64, i64, f64);

/// Absent when there is none.
impl<T: Field + Default> Field for Option<T> {
    fn put(&self, name: &str, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.put(name, out);
        }
    }
    fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
        self.get_or_insert_default().take(value)
    }
}

impl Field for [u8; 16] {
    fn put(&self, name: &str, out: &mut Vec<u8>) {
        entry(name, self, out);
    }
    fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
        *self = value.try_into().map_err(|_| Malformed)?;
        Ok(())
    }
}

impl Field for [u32; 3] {
    fn put(&self, name: &str, out: &mut Vec<u8>) {
        let bytes: Vec<u8> = self.iter().flat_map(|n| n.to_le_bytes()).collect();
        entry(name, &bytes, out);
    }
    fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
        let (parts, rest) = value.as_chunks::<4>();
        match (parts, rest) {
            ([a, b, c], []) => *self = [u32::from_le_bytes(*a), u32::from_le_bytes(*b), u32::from_le_bytes(*c)],
            _ => return Err(Malformed),
        }
        Ok(())
    }
}

/// Gives a struct `encode` and `decode` over the named fields, and makes it (and lists of it) a [`Field`] of other records.
macro_rules! record {
    ($kind:ty { $($name:ident),+ $(,)? }) => {
        impl $kind {
            /// The bytes that `decode` reads.
            pub fn encode(&self) -> Vec<u8> {
                let mut out = Vec::with_capacity(512);
                $($crate::record::Field::put(&self.$name, stringify!($name), &mut out);)+
                out
            }

            /// Reads what `encode` wrote.
            ///
            /// # Errors
            /// [`Malformed`](crate::record::Malformed) when an entry is cut short or a value has the wrong size.
            pub fn decode(bytes: &[u8]) -> Result<Self, $crate::record::Malformed> {
                let mut read = Self::default();
                $crate::record::entries(bytes, |name, value| {
                    $(if name == stringify!($name).as_bytes() { return $crate::record::Field::take(&mut read.$name, value); })+
                    Ok(())
                })?;
                Ok(read)
            }
        }

        impl $crate::record::Field for $kind {
            fn put(&self, name: &str, out: &mut Vec<u8>) {
                $crate::record::entry(name, &self.encode(), out);
            }
            fn take(&mut self, value: &[u8]) -> Result<(), $crate::record::Malformed> {
                *self = Self::decode(value)?;
                Ok(())
            }
        }

        impl $crate::record::Field for Vec<$kind> {
            fn put(&self, name: &str, out: &mut Vec<u8>) {
                for item in self {
                    $crate::record::Field::put(item, name, out);
                }
            }
            fn take(&mut self, value: &[u8]) -> Result<(), $crate::record::Malformed> {
                self.push(<$kind>::decode(value)?);
                Ok(())
            }
        }
    };
}

pub(crate) use record;
