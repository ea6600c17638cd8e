//! The mixed corpus: the pairs that the peer finds (docs/conformance.md).

use std::collections::BTreeMap;

use detect::engine::{Carrier, Scanner};

use crate::support::{CORPUS_ENGINE, MAPPED_ENGINE, Way, corpus_lines, pairs, scan, shared};

/// How many pairs the peer and we find on the whole file.
const PAIRS: usize = 3_988;

#[test]
fn the_mixed_corpus_gives_the_peers_pairs() {
    let Some(shared) = shared() else { return };
    let lines = corpus_lines(&shared, 1);
    assert_eq!(lines.len(), 159_724);
    let halves: Vec<&[Vec<u8>]> = lines.chunks(lines.len().div_ceil(2)).collect();
    let found: Vec<Vec<(u64, String)>> = std::thread::scope(|scope| {
        let half = |lines| {
            scope.spawn(move || {
                let result = scan(&mut Scanner::new(CORPUS_ENGINE.clone()), lines, Carrier::File, Way::Fast);
                assert!(result.quarantined.is_empty(), "{:?}", result.quarantined);
                pairs(&result)
            })
        };
        let running: Vec<_> = halves.into_iter().map(half).collect();
        running.into_iter().map(|half| half.join().unwrap()).collect()
    });
    let mut by_rule: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, rule) in found.iter().flatten() {
        *by_rule.entry(rule).or_default() += 1;
    }
    assert_eq!(by_rule.values().sum::<usize>(), PAIRS, "{by_rule:#?}");
}

#[test]
fn the_products_mappings_find_what_the_corpus_says_about_itself_and_more() {
    let Some(shared) = shared() else { return };
    let lines = corpus_lines(&shared, 23);
    let told = pairs(&scan(&mut Scanner::new(CORPUS_ENGINE.clone()), &lines, Carrier::File, Way::Fast));
    let mapped = pairs(&scan(&mut Scanner::new(MAPPED_ENGINE.clone()), &lines, Carrier::File, Way::Fast));
    assert!(told.len() > 100, "only {} pairs: the sample tests nothing", told.len());
    let missing: Vec<_> = told.iter().filter(|pair| !mapped.contains(pair)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
