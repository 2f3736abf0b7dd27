mod find;
mod parsing;
mod reading;
mod recorded;
mod round_trip;
mod watching;
