//! Under which rule a thing is reported that a driver left behind.

use super::Rule;

/// The kinds of leaks whose rule is not [`Rule::Leak`].
const KINDS: [(&str, Rule); 12] = [
    ("timer", Rule::AfterUnload),
    ("device object", Rule::AfterUnload),
    ("symbolic link", Rule::AfterUnload),
    ("file name information", Rule::NameReference),
    ("reference", Rule::ObjectReference),
    ("handle", Rule::ObjectReference),
    ("rundown reference", Rule::ObjectReference),
    ("notify routine", Rule::AfterUnload),
    ("thread", Rule::AfterUnload),
    ("work item", Rule::AfterUnload),
    ("filter", Rule::AfterUnload),
    ("server port", Rule::AfterUnload),
];

/// The rule that such a leak breaks.
pub(crate) fn rule_of(what: &str) -> Rule {
    if what.ends_with("context") {
        return Rule::ContextReference;
    }
    KINDS.iter().find(|(known, _)| *known == what).map_or(Rule::Leak, |(_, rule)| *rule)
}
