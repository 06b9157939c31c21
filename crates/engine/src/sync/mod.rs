/*! What threads share: short locks, turns that may take long, and the time of day. */

pub mod clock;
pub mod locks;
pub mod turn;
