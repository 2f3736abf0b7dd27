//! The page and its API, of the real program.

mod access;
mod api;
mod client;
mod description;
mod live;
mod proxied;
mod start;
mod trouble;

#[path = "../http/nginx/process.rs"]
mod nginx;
