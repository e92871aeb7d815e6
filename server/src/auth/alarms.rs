//! What is wrong with credentials that the server was given: shown until it is right.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What is wrong, by what it is about. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alarms(Arc<Mutex<BTreeMap<&'static str, Option<String>>>>);

impl Alarms {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Option<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This is what is wrong with it; or nothing is.
    pub(crate) fn set(&self, about: &'static str, wrong: Option<String>) {
        self.lock().insert(about, wrong);
    }

    /// All that something may be wrong with, and whether it is.
    pub(crate) fn all(&self) -> Vec<(&'static str, bool)> {
        self.lock().iter().map(|(about, wrong)| (*about, wrong.is_some())).collect()
    }

    /// What is wrong, for people.
    pub(crate) fn problems(&self) -> Vec<String> {
        let text = |(about, wrong): (&&str, &Option<String>)| {
            Some(format!(
                "{about}: what is there now is not taken, what was read before stays in use: {}",
                wrong.as_ref()?
            ))
        };
        self.lock().iter().filter_map(text).collect()
    }
}
