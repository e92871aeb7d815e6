//! Why an update can't take effect.

use std::fmt;

/// A message that names more refused resources than this is cut: it goes into the trailing part of a request, and a
/// server keeps it for each sink.
const NAMED_MAX: usize = 20;

/// Why an update can't take effect, worded for whoever runs the server: a reason for all of it, reasons for resources in
/// it, or both. A server that knows the names attributes a NACK to the resources whose names it finds in the message.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct Rejection {
    reason: Option<String>,
    /// Name and reason, in the order of the calls.
    resources: Vec<(String, String)>,
    is_rest_applied: bool,
}

impl Rejection {
    /// All of it, for one reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::default() }
    }

    /// Begins with a resource, by the name that the update gave it.
    pub fn of(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::default().and(name, reason)
    }

    /// One more resource.
    #[must_use]
    pub fn and(mut self, name: impl Into<String>, reason: impl Into<String>) -> Self {
        self.resources.push((name.into(), reason.into()));
        self
    }

    /// The resources that are not named were applied: they are held from now on, and what is named stays as it was. Unless
    /// this is said, nothing of the update was.
    #[must_use]
    pub fn rest_applied(mut self) -> Self {
        self.is_rest_applied = true;
        self
    }

    /// Whether the resources that are not named were applied.
    #[must_use]
    pub fn is_rest_applied(&self) -> bool {
        self.is_rest_applied
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reason.is_none() && self.resources.is_empty()
    }

    /// The resources that are named, with their reasons.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.resources.iter().map(|(name, reason)| (name.as_str(), reason.as_str()))
    }
}

/// `reason; resource NAME: reason; resource NAME: reason; 3 more`
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.resources.iter().take(NAMED_MAX);
        let mut parts: Vec<_> = self.reason.iter().cloned().collect();
        parts.extend(named.map(|(name, reason)| format!("resource {name}: {reason}")));
        if let more @ 1.. = self.resources.len().saturating_sub(NAMED_MAX) {
            parts.push(format!("{more} more"));
        }
        f.write_str(if parts.is_empty() { "rejected" } else { "" })?;
        f.write_str(&parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_the_resources_with_their_reasons() {
        assert_eq!(Rejection::new("disk is full").to_string(), "disk is full");
        let two = Rejection::of("shop/reviews", "no route").and("shop/cart", "no host");
        assert_eq!(two.to_string(), "resource shop/reviews: no route; resource shop/cart: no host");
        let both = Rejection::new("none was applied").and("a", "bad");
        assert_eq!(both.to_string(), "none was applied; resource a: bad");
        assert_eq!(both.resources().collect::<Vec<_>>(), [("a", "bad")]);
    }

    #[test]
    fn message_is_never_empty_and_never_endless() {
        assert_eq!(Rejection::default().to_string(), "rejected");
        let many = (0..1000).fold(Rejection::default(), |many, index| many.and(index.to_string(), "bad"));
        let message = many.to_string();
        assert!(message.ends_with("resource 19: bad; 980 more"), "{message}");
    }
}
