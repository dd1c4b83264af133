//! The driver's image as the linker left it: what a loader, an administrator and a debugger rely on.

#[path = "image/built.rs"]
mod built;
#[path = "image/rules.rs"]
mod rules;

use built::{Architecture, Built};
use rules::RULES;

#[test]
fn the_images_obey_every_rule() {
    for architecture in Architecture::ALL {
        let Some(built) = Built::find(architecture) else { continue };
        for rule in RULES {
            if let Err(fault) = (rule.check)(&built) {
                panic!("{architecture:?}: {}: {fault}", rule.name);
            }
        }
    }
}

/// Each rule, and no other, finds the damage that it is there to find.
#[test]
fn every_rule_can_fail() {
    for architecture in Architecture::ALL {
        let Some(built) = Built::find(architecture) else { continue };
        for rule in RULES {
            let damaged = built.damaged(rule.damage);
            let broken: Vec<_> =
                RULES.iter().filter(|rule| (rule.check)(&damaged).is_err()).map(|rule| rule.name).collect();
            assert_eq!(broken, [rule.name], "{architecture:?}");
        }
    }
}
