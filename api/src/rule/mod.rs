//! Rules of one's own: [`ValidationRule`] resources, compiled once and asked of each resource that they are about.
//!
//! | module | is |
//! |---|---|
//! | `expression` | CEL, parsed and evaluated within bounds |
//! | `evaluate` | the evaluation, which counts its steps |
//! | `scope` | which resources a rule is about |
//! | `walk` | what an expression may be made of |

mod evaluate;
mod expression;
mod scope;
mod walk;

use std::cell::OnceCell;

use prost::Message as _;
use serde_json::Value as Json;

use self::scope::Scope;
pub(crate) use self::{expression::Expression, scope::is_namespace_pattern};
use crate::{
    codec,
    generated::mainsheet::v1::{ValidationRule, validation_rule::Action},
    key::Key,
    kind::Kind,
    limits::RULE_STEPS_MAX,
    resource::Resource,
    verdict::{Finding, Position, Severity},
};

/// The code of what a rule finds.
pub const CODE: &str = "validation-rule";

/// Rules, compiled, in the order of their keys. Without any, asking them costs nothing.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    key: Key,
    scope: Scope,
    expression: Expression,
    severity: Severity,
    message: String,
    path: String,
}

impl RuleSet {
    /// Compiles resources of kind [`Kind::VALIDATION_RULE`]; what validation rejects is left out.
    ///
    /// A rule of the root namespace is about all namespaces that it names, any other about its own.
    pub fn compile<'r>(rules: impl IntoIterator<Item = &'r Resource>, root_namespace: &str) -> Self {
        let mut rules: Vec<Rule> =
            rules.into_iter().filter_map(|resource| Rule::compile(resource, root_namespace)).collect();
        rules.sort_by(|a, b| a.key.cmp(&b.key));
        Self { rules }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What the rules say of a resource. Rules are no subject of rules: one that denied all of them could not be mended.
    #[must_use]
    pub fn check(&self, resource: &Resource) -> Vec<Finding> {
        if resource.key.kind == Kind::VALIDATION_RULE {
            return Vec::new();
        }
        // Made for the first rule that is about it. A body that does not decode is rejected for that.
        let object = OnceCell::new();
        let object = || object.get_or_init(|| codec::object(resource).unwrap_or_default());
        // What a namespace asks of itself has to be asked within the time of one rule; the mesh's own have that each.
        let mut of_namespace = RULE_STEPS_MAX;
        let about = self.rules.iter().filter(|rule| rule.scope.contains(&resource.key));
        about
            .filter_map(|rule| match rule.scope.is_confined() {
                true => rule.check(object(), &mut of_namespace),
                false => rule.check(object(), &mut RULE_STEPS_MAX.clone()),
            })
            .collect()
    }
}

impl Rule {
    fn compile(resource: &Resource, root_namespace: &str) -> Option<Self> {
        let body = ValidationRule::decode(resource.body.value.clone()).ok()?;
        let severity = match body.action() {
            Action::Deny => Severity::Error,
            Action::Warn => Severity::Warning,
        };
        Some(Self {
            scope: Scope::new(&resource.key, &body, root_namespace),
            expression: Expression::parse(&body.expression).ok()?,
            key: resource.key.clone(),
            severity,
            message: body.message,
            path: body.path,
        })
    }

    /// One that can't be evaluated is not true: a mistake in a rule must not let through what it is to keep out.
    fn check(&self, object: &Json, steps: &mut u64) -> Option<Finding> {
        let (reason, remedy) = match self.expression.is_true_of(object, steps) {
            Ok(true) => return None,
            Ok(false) => (self.message.clone(), format!("{} demands it", self.key)),
            Err(error) => {
                let reason = format!("{} can't be evaluated: {error}", self.key);
                (reason, "ask has() before a field that may be missing".to_owned())
            }
        };
        Some(Finding {
            code: CODE.to_owned(),
            severity: self.severity,
            path: self.path.clone(),
            position: Position::default(),
            reason,
            remedy,
        })
    }
}
