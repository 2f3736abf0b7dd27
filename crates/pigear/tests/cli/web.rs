//! The page and its API, of the real program.

mod access;
mod api;
mod client;
mod description;
mod live;
mod proxied;
mod replaced;
mod start;
mod triage;
mod trouble;

#[path = "../http/nginx/process.rs"]
mod nginx;
