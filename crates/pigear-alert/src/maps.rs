//! Names for the numbers of an alert.
