//! The driver's image as the linker left it: what a loader, an administrator and a debugger rely on.

#[path = "image/breakpoints.rs"]
mod breakpoints;
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

#[test]
fn the_documented_breakpoints_are_functions() {
    let document = include_str!("../docs/windbg.md");
    let wanted = breakpoints::in_document(document);
    assert!(wanted.len() >= 5, "{wanted:?}");
    for architecture in Architecture::ALL {
        let Some(built) = Built::find(architecture) else { continue };
        let functions = breakpoints::functions(&built).expect("the symbols are readable");
        let missing: Vec<_> =
            wanted.iter().filter(|name| !breakpoints::is_function(&functions, name)).collect();
        assert!(missing.is_empty(), "{architecture:?}: {missing:?} of {} functions", functions.len());
        let absent = "fltmgr::operation::pre<enum2$<whowrote::write::Nothing>*";
        assert!(!breakpoints::is_function(&functions, absent));
    }
}
