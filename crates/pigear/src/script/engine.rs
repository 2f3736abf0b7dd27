use rhai::packages::{Package, StandardPackage};
use rhai::{Engine, Token};
use tracing::debug;

use super::{caseless, fields, functions};
use crate::visible::visible;

/// The most operations of one run. A comparison is about four; 100,000 take some milliseconds.
pub(super) const MAX_OPERATIONS: u64 = 100_000;
/// The maximum depth of calls.
const MAX_CALLS: usize = 24;
/// The maximum depth of expressions, outside and inside functions.
const MAX_DEPTHS: [usize; 2] = [128, 32];
/// The most bytes of a string, and of all strings in a list: a hexdump of the largest packet is 312 KB.
const MAX_TEXT: usize = 1 << 20;
/// The most elements of a list, or bytes of a packet: more than the largest packet.
pub(super) const MAX_LIST: usize = 1 << 17;
const MAX_MAP: usize = 4_096;
const MAX_VARIABLES: usize = 256;
const MAX_FUNCTIONS: usize = 256;

/// An engine with the fields and functions of this module and the language's own, without files, modules
/// and `eval`, and with limits on operations, depth and sizes.
///
/// `print` writes to the debug log; in the shell it prints.
#[must_use]
pub fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    StandardPackage::new().register_into_engine(&mut engine);
    engine.disable_symbol("eval");
    engine
        .set_max_operations(MAX_OPERATIONS)
        .set_max_call_levels(MAX_CALLS)
        .set_max_expr_depths(MAX_DEPTHS[0], MAX_DEPTHS[1])
        .set_max_string_size(MAX_TEXT)
        .set_max_array_size(MAX_LIST)
        .set_max_map_size(MAX_MAP)
        .set_max_variables(MAX_VARIABLES)
        .set_max_functions(MAX_FUNCTIONS);
    engine.on_print(|text| debug!("script output: {}", visible(text.as_bytes())));
    engine.on_debug(|text, _, _| debug!("script output: {}", visible(text.as_bytes())));
    unreserve(&mut engine, "thread");
    caseless::register(&mut engine);
    fields::register(&mut engine);
    functions::register(&mut engine);
    engine
}

/// Permits a reserved word of the language as a field.
#[expect(deprecated, reason = "it is not deprecated, but may change; the version is locked")]
fn unreserve(engine: &mut Engine, word: &'static str) {
    engine.on_parse_token(move |token, _, _| match token {
        Token::Reserved(name) if *name == word => Token::Identifier(name),
        token => token,
    });
}
