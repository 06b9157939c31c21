/*! The table of differences, `tests/differences.txt`, and the page that is made from it.

An entry begins with `## ` and a title, then has lines of `theirs:`, `ours:` and `why:`, and the names of the probes (`name/aspect`, with
`daemon:` or `embedded:` before it if only one mode differs) and trials (`suite::name`) that see it. What only time shows has `held:`
instead, the trials that hold our side of it. */

/// One difference.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// In a few words.
    pub title: String,
    /// What mod_wsgi 6.1.1 does.
    pub theirs: String,
    /// What we do.
    pub ours: String,
    /// The reason.
    pub why: String,
    /// Probes that see it, as `name/aspect`.
    pub probes: Vec<String>,
    /// Trials that see it, as `suite::name`.
    pub trials: Vec<String>,
    /// Values in the configuration that one module refuses, as `option/value:refused` (by us) or `:accepted` (by us alone).
    pub values: Vec<String>,
    /// Trials of our own side, where no request shows the difference, as `suite::name`.
    pub held: Vec<String>,
}

/// The entries, in their order.
pub fn read() -> Vec<Difference> {
    let mut table: Vec<Difference> = Vec::new();
    for line in include_str!("../../../differences.txt").lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        if let Some(title) = line.strip_prefix("## ") {
            table.push(Difference { title: title.to_owned(), ..Difference::default() });
            continue;
        }
        let entry = table.last_mut().unwrap_or_else(|| panic!("tests/differences.txt: an entry begins with `## `: {line}"));
        let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("tests/differences.txt: {line}"));
        let words = || value.split_whitespace().map(str::to_owned);
        match key {
            "theirs" => value.clone_into(&mut entry.theirs),
            "ours" => value.clone_into(&mut entry.ours),
            "why" => value.clone_into(&mut entry.why),
            "probes" => entry.probes.extend(words()),
            "trials" => entry.trials.extend(words()),
            "values" => entry.values.extend(words()),
            "held" => entry.held.extend(words()),
            _ => panic!("tests/differences.txt: `{key}` is none of theirs, ours, why, probes, trials, values, held"),
        }
    }
    for entry in &table {
        let said = [&entry.title, &entry.theirs, &entry.ours, &entry.why].iter().all(|text| !text.is_empty());
        let shown = [&entry.probes, &entry.trials, &entry.values, &entry.held].iter().any(|names| !names.is_empty());
        assert!(said && shown, "tests/differences.txt: `{}` lacks something", entry.title);
    }
    table
}

/// `docs/compatibility.md`.
pub fn page(table: &[Difference]) -> String {
    let mut out = String::from(
        "# Differences from mod_wsgi 6.1.1\n\n\
         An existing configuration and application run unchanged. What an application or a client could notice all the same is listed \
         here, with its reason. The list is complete for what the tests compare: they send the same requests to both modules, and a \
         difference that is not listed fails. This page is generated from `tests/differences.txt`.\n",
    );
    for entry in table {
        out.push_str(&format!(
            "\n## {}\n\n* mod_wsgi: {}\n* mod_wsgi_rs: {}\n* Why: {}\n",
            entry.title, entry.theirs, entry.ours, entry.why
        ));
    }
    out
}
