//! A report as one HTML page for people: summary, coverage, requirements, and every case with its conversation as a picture.
//!
//! The page needs no network and asks for none. Its policy admits no script and no style but its own two, by their hashes, so that a mistake in
//! the escaping of hostile text would still run nothing. What the page says stands in its HTML and can be read without a script; the script
//! filters, and draws a conversation when its case is opened, from data that stand beside it.

pub mod chart;
mod page;
mod picture;
pub mod proof;
mod raw;

use data_encoding::BASE64;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, Output, State, Value};
use sha2::{Digest as _, Sha256};

use super::xml;
use crate::verdict::Report;
use page::Page;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = concat!(include_str!("desk.js"), include_str!("page.js"));

/// The report as a page.
///
/// # Panics
/// Never: the template is fixed and uses nothing that its values lack.
pub fn render(report: &Report) -> String {
    let page = Page::new(report, STYLE, SCRIPT, policy(STYLE, SCRIPT));
    environment().render_str(TEMPLATE, Value::from(Serde(&page))).expect("the template fits its values")
}

/// An environment that escapes whatever a template writes.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(write_escaped);
    environment
}

/// Every value but the few that the template calls safe: hostile marks written out, then escaped for HTML.
fn write_escaped(output: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let text = value.to_string();
    let text = if value.is_safe() { text } else { xml::line(&text) };
    Ok(output.write_str(&text)?)
}

/// The content security policy: nothing but this style and this script.
fn policy(style: &str, script: &str) -> String {
    let hash = |text: &str| BASE64.encode(&Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(style),
        hash(script)
    )
}
