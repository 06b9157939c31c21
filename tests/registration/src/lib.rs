/*! `#[trial]`: makes a function a trial of the suite of its module, where the function is written.

The attribute's argument says what the trial needs, as the methods of `Case` do: `#[trial(differs("why").reach(Reach::Once))]`. A function of `&Site` talks to the
server that its suite shares; one of `&Setup` starts its own. *Runs in: the compiler.* */

use proc_macro::{Delimiter, TokenStream, TokenTree};

/// Registers the function as a trial, under its own name.
#[proc_macro_attribute]
pub fn trial(needs: TokenStream, function: TokenStream) -> TokenStream {
    let registered = match parse(function.clone()) {
        Some((name, how)) => registration(&name, how, &needs.to_string()),
        None => "compile_error!(\"#[trial] is for a function of `&Site` or `&Setup`\");".to_owned(),
    };
    let mut all = function;
    // The text is this file's own, but for the name and the argument, which were tokens before.
    all.extend(registered.parse::<TokenStream>().unwrap_or_default());
    all
}

/// The function's name, and the constructor of `Case` for its argument.
fn parse(function: TokenStream) -> Option<(String, &'static str)> {
    let mut tokens = function.into_iter().skip_while(|token| token.to_string() != "fn");
    let name = tokens.nth(1)?.to_string();
    let arguments = tokens.find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => Some(group.stream().to_string()),
        _ => None,
    })?;
    if arguments.contains("Setup") {
        Some((name, "own"))
    } else if arguments.contains("Site") {
        Some((name, "shared"))
    } else {
        None
    }
}

fn registration(name: &str, how: &str, needs: &str) -> String {
    let needs = if needs.is_empty() { String::new() } else { format!(".{needs}") };
    format!(
        "::inventory::submit! {{ crate::support::matrix::Registered {{
            module: module_path!(),
            line: line!(),
            case: crate::support::matrix::Case::{how}(stringify!({name}), {name}){needs},
        }} }}"
    )
}
