//! Resources, printed as they come: nothing is kept but what a template needs.

mod columns;
mod documents;
#[cfg(test)]
mod tests;

use std::io::Write;

use mainsheet_api::{generated::mainsheet::v1 as pb, time::Timestamp};

use super::{Format, table::Columns};
use columns::Column;

/// What to print of resources, and how.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Layout {
    pub(in crate::cli) format: Format,
    /// Tables say of which namespace each is.
    pub(in crate::cli) with_namespaces: bool,
    /// Tables say its labels.
    pub(in crate::cli) with_labels: bool,
    /// One resource was asked for, by its name: it is printed itself, not as a list of one.
    pub(in crate::cli) is_single: bool,
    /// Of several kinds: each has a table of its own, and names say the kind.
    pub(in crate::cli) is_mixed: bool,
    /// Changes follow, so that each resource is printed for itself, with what became of it.
    pub(in crate::cli) is_watch: bool,
    /// By which ages are told.
    pub(in crate::cli) now: Timestamp,
}

/// What became of a resource, and with which revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Update {
    pub(in crate::cli) word: &'static str,
    pub(in crate::cli) revision: u64,
}

/// Prints resources in one of the formats.
pub(in crate::cli) struct Printer<'a> {
    layout: Layout,
    out: &'a mut (dyn Write + Send),
    /// Those printed so far.
    count: usize,
    /// The kind of the table that is being printed.
    kind: Option<String>,
    columns: Columns,
    /// For a template, which sees all of a list.
    items: Vec<serde_json::Value>,
}

impl<'a> Printer<'a> {
    pub(in crate::cli) fn new(layout: Layout, out: &'a mut (dyn Write + Send)) -> Self {
        Self { layout, out, count: 0, kind: None, columns: Columns::default(), items: Vec::new() }
    }

    /// Resources printed so far.
    pub(in crate::cli) fn count(&self) -> usize {
        self.count
    }

    /// Whether it prints one object, not a list.
    pub(in crate::cli) fn is_single(&self) -> bool {
        self.layout.is_single
    }

    /// The time that ages are told by has gone on.
    pub(in crate::cli) fn set_now(&mut self, now: Timestamp) {
        self.layout.now = now;
    }

    /// Prints some more; `update` where changes are printed.
    ///
    /// # Errors
    /// Where the output is closed, or a template does not fit.
    pub(in crate::cli) fn print(
        &mut self,
        resources: &[pb::Resource],
        update: Option<Update>,
    ) -> anyhow::Result<()> {
        match &self.layout.format {
            Format::Table | Format::Wide => self.rows(resources, update)?,
            Format::Name => self.names(resources)?,
            Format::Yaml => self.yaml(resources, update)?,
            Format::Json => self.json(resources, update)?,
            Format::JsonPath(_) => self.template(resources)?,
        }
        if self.layout.is_watch {
            self.out.flush()?;
        }
        Ok(())
    }

    /// Prints what comes after the last one.
    ///
    /// # Errors
    /// As [`Printer::print`].
    pub(in crate::cli) fn end(&mut self) -> anyhow::Result<()> {
        match &self.layout.format {
            Format::Json if !self.layout.is_single && !self.layout.is_watch => self.end_list(),
            Format::JsonPath(_) if !self.layout.is_single && !self.layout.is_watch => self.end_template(),
            _ => Ok(()),
        }
    }

    /// Rows of tables, one for each kind.
    fn rows(&mut self, resources: &[pb::Resource], update: Option<Update>) -> anyhow::Result<()> {
        let columns = Column::of(&self.layout);
        for group in resources.chunk_by(|left, right| kind(left) == kind(right)) {
            let mut rows = Vec::new();
            // Changes of several kinds go on in one table: a header each time would be most of what is printed.
            let is_new = match &self.kind {
                None => true,
                Some(before) => !self.layout.is_watch && self.layout.is_mixed && *before != kind(&group[0]),
            };
            if is_new {
                let gap = if self.kind.replace(kind(&group[0]).to_owned()).is_some() { "\n" } else { "" };
                write!(self.out, "{gap}")?;
                self.columns = Columns::default();
                rows.push(columns.iter().map(|column| column.title().to_owned()).collect());
            }
            let row =
                |resource| columns.iter().map(|column| column.cell(resource, update, &self.layout)).collect();
            rows.extend(group.iter().map(row));
            write!(self.out, "{}", self.columns.lines(&rows))?;
            self.count += group.len();
        }
        Ok(())
    }

    fn names(&mut self, resources: &[pb::Resource]) -> anyhow::Result<()> {
        for resource in resources {
            writeln!(self.out, "{}", columns::qualified_name(resource))?;
        }
        self.count += resources.len();
        Ok(())
    }
}

fn kind(resource: &pb::Resource) -> &str {
    resource.key.as_ref().map_or("", |key| &key.kind)
}
