//! Every public rule loads.

use crate::support::{CORPUS_ENGINE, RULES, shared};

#[test]
fn all_public_rules_load_and_those_that_wait_for_a_list_say_so() {
    if shared().is_none() {
        return;
    }
    let (rules, problems) = &*RULES;
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(rules.len(), 3_754);
    let inactive: Vec<(&str, &str)> =
        CORPUS_ENGINE.report().inactive.iter().map(|rule| (rule.rule.title.as_str(), rule.reason.as_str())).collect();
    assert_eq!(inactive.len(), 2, "{inactive:?}");
    assert!(inactive.iter().all(|(_, reason)| reason.contains("placeholder")), "{inactive:?}");
}
