/*! What bindgen made of Apache's headers (`apxs/wrapper.h`, see `build.rs`). Only the files of this folder look in here.

In unit tests, which are programs without an httpd around them, `ap_*` functions are stubs that abort, and APR is the real one. */
#![expect(
    unsafe_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "generated code: names and forms are C's"
)]

/// How long C lends something: exactly `'l`, neither longer nor shorter. With a lifetime that may be shortened, a setter of something
/// that lives long would accept what lives shorter.
pub type Lifetime<'l> = std::marker::PhantomData<std::cell::Cell<&'l ()>>;

include!(concat!(env!("OUT_DIR"), "/httpd.rs"));

#[cfg(test)]
#[link(name = "httpdstub", kind = "static")]
unsafe extern "C" {}

#[cfg(test)]
#[link(name = "aprutil-1")]
#[link(name = "apr-1")]
unsafe extern "C" {}
