//! Resources as documents, and what templates say of them.

use anyhow::Context as _;
use mainsheet_api::generated::mainsheet::v1 as pb;
use serde_json::{Value, json};

use super::{Format, Printer, Update, columns};

/// What stands before the items of a list, as kubectl prints one.
const LIST_HEAD: &str = "{\n    \"apiVersion\": \"v1\",\n    \"kind\": \"List\",\n    \"items\": [";

/// Items are two levels deep.
const ITEM_INDENT: &str = "        ";

impl Printer<'_> {
    pub(super) fn yaml(&mut self, resources: &[pb::Resource], update: Option<Update>) -> anyhow::Result<()> {
        for resource in resources {
            let text = text(resource)?;
            if self.count > 0 {
                writeln!(self.out, "---")?;
            }
            if let Some(Update { word, revision }) = update {
                writeln!(self.out, "# {word}, revision {revision}")?;
            }
            write!(self.out, "{text}")?;
            self.count += 1;
        }
        Ok(())
    }

    pub(super) fn json(&mut self, resources: &[pb::Resource], update: Option<Update>) -> anyhow::Result<()> {
        for resource in resources {
            match update {
                Some(Update { word, revision }) => {
                    let line = json!({"event": word, "revision": revision, "object": value(resource)?});
                    writeln!(self.out, "{line}")?;
                }
                None if self.layout.is_single => writeln!(self.out, "{}", text(resource)?.trim_end())?,
                None => self.item(text(resource)?)?,
            }
            self.count += 1;
        }
        Ok(())
    }

    fn item(&mut self, text: &str) -> anyhow::Result<()> {
        let before = if self.count == 0 { LIST_HEAD } else { "," };
        let lines: Vec<String> = text.trim_end().lines().map(|line| format!("{ITEM_INDENT}{line}")).collect();
        write!(self.out, "{before}\n{}", lines.join("\n"))?;
        Ok(())
    }

    pub(super) fn end_list(&mut self) -> anyhow::Result<()> {
        if self.count == 0 {
            writeln!(self.out, "{LIST_HEAD}]\n}}")?;
        } else {
            writeln!(self.out, "\n    ]\n}}")?;
        }
        Ok(())
    }

    /// A template is asked of an object, of each change, or of the whole list.
    pub(super) fn template(&mut self, resources: &[pb::Resource]) -> anyhow::Result<()> {
        let Format::JsonPath(template) = &self.layout.format else { return Ok(()) };
        for resource in resources {
            let value = value(resource)?;
            if self.layout.is_single || self.layout.is_watch {
                write!(self.out, "{}", template.print(&value)?)?;
            } else {
                self.items.push(value);
            }
            self.count += 1;
        }
        Ok(())
    }

    pub(super) fn end_template(&mut self) -> anyhow::Result<()> {
        let Format::JsonPath(template) = &self.layout.format else { return Ok(()) };
        let list = json!({"apiVersion": "v1", "kind": "List", "items": std::mem::take(&mut self.items)});
        write!(self.out, "{}", template.print(&list)?)?;
        Ok(())
    }
}

/// A resource as the server wrote it.
fn text(resource: &pb::Resource) -> anyhow::Result<&str> {
    match &*resource.text {
        "" => {
            let why = resource.warnings.iter().find(|warning| warning.code == "unreadable");
            let why = match (why, resource.is_absence) {
                (Some(why), _) => why.reason.clone(),
                (None, true) => "it says that nothing is served under its name".to_owned(),
                (None, false) => "the server gave no document of it".to_owned(),
            };
            anyhow::bail!("{}: {why}; a table shows it", columns::qualified_name(resource))
        }
        text => Ok(text),
    }
}

fn value(resource: &pb::Resource) -> anyhow::Result<Value> {
    serde_json::from_str(text(resource)?).with_context(|| columns::qualified_name(resource))
}
