//! Settings as a config file that gives the same, each value with where it came from.

use std::fmt::Write;

use super::{
    Effective, file,
    table::{PATH_SETTINGS, SETTINGS},
    upstream::UPSTREAM_SETTINGS,
};

/// The whole file.
#[must_use]
pub fn print(effective: &Effective) -> String {
    let mut page = Page { effective, text: String::new() };
    page.paths();
    for setting in SETTINGS {
        let value = scalar(&(setting.get)(&effective.settings), false);
        page.line(&format!("{}: {value}", setting.name), setting.name);
    }
    page.upstreams();
    page.views();
    page.text
}

struct Page<'a> {
    effective: &'a Effective,
    text: String,
}

impl Page<'_> {
    /// A line with where the value of this name came from.
    fn line(&mut self, line: &str, name: &str) {
        // A file's name is its author's, line breaks included.
        let origin = self.effective.origin(name).to_string().replace(char::is_control, " ");
        self.text += &format!("{line}  # {origin}\n");
    }

    fn paths(&mut self) {
        let paths = &self.effective.settings.paths;
        self.line(if paths.is_empty() { "paths: []" } else { "paths:" }, "paths");
        for (index, path) in paths.iter().enumerate() {
            let text = scalar(&path.path.to_string_lossy(), true);
            let own = PATH_SETTINGS.iter().filter_map(|setting| Some((setting.name, (setting.get)(path)?)));
            let own: Vec<_> = own.collect();
            let key = if own.is_empty() { "" } else { "path: " };
            self.text += &format!("- {key}{text}\n");
            for (name, value) in own {
                self.line(&format!("  {name}: {}", scalar(&value, false)), &own_name(index, name));
            }
        }
    }

    fn upstreams(&mut self) {
        let upstreams = &self.effective.settings.upstreams;
        self.line(if upstreams.is_empty() { "upstreams: []" } else { "upstreams:" }, "upstreams");
        for (index, server) in upstreams.iter().enumerate() {
            self.text += &format!("- address: {}\n", scalar(&server.addresses.join(","), true));
            for setting in UPSTREAM_SETTINGS {
                if let Some(value) = (setting.get)(server) {
                    let line = format!("  {}: {}", setting.name, scalar(&value, true));
                    self.line(&line, &format!("upstreams[{index}].{}", setting.name));
                }
            }
        }
    }

    fn views(&mut self) {
        let rules = &self.effective.settings.views.rules;
        self.line(if rules.is_empty() { "views: []" } else { "views:" }, "views");
        for rule in rules {
            let names: Vec<String> = rule.namespaces.iter().map(|name| quoted(name)).collect();
            let nodes = scalar(&rule.nodes, true);
            self.text += &format!("- nodes: {nodes}\n  namespaces: [{}]\n", names.join(", "));
        }
    }
}

/// What a setting of one path alone is called among the origins.
pub(super) fn own_name(index: usize, setting: &str) -> String {
    format!("paths[{index}].{setting}")
}

/// As it is where that is read as itself; `as_name` as in [`file::reads_as_itself`].
fn scalar(text: &str, as_name: bool) -> String {
    let is_plain = !text.is_empty() && file::reads_as_itself(text, as_name);
    if is_plain { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            _ if c.is_alphanumeric() => quoted.push(c),
            // Writing to a text can't fail.
            _ => drop(write!(quoted, "\\U{:08X}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
