//! Suggestions for misspelled names.

/// The hint that an error message ends with: "; did you mean `NAME`?" with the closest candidate, or nothing
/// where no candidate is close.
///
/// A candidate is close when at most a third of the longer word, and at most three characters, have to be
/// edited (Levenshtein distance).
///
/// ```
/// use bailiwick_types::did_you_mean;
/// assert_eq!(did_you_mean("veiw", ["edit", "view"]), "; did you mean `view`?");
/// assert_eq!(did_you_mean("delete", ["edit", "view"]), "");
/// ```
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let scored = candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate));
    match scored.min() {
        Some((edits, candidate)) if edits <= most_edits(word, candidate) => {
            format!("; did you mean `{candidate}`?")
        }
        _ => String::new(),
    }
}

fn most_edits(word: &str, candidate: &str) -> usize {
    let longer = word.chars().count().max(candidate.chars().count());
    (longer / 3).min(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_name_is_suggested_and_none_where_all_are_far() {
        assert_eq!(
            did_you_mean("listn", ["listen", "levels"]),
            "; did you mean `listen`?"
        );
        assert_eq!(
            did_you_mean("urls", ["max_connections", "url"]),
            "; did you mean `url`?"
        );
        assert_eq!(did_you_mean("edti", ["edit", "emit"]), "; did you mean `edit`?");
        for (word, candidates) in [("x", vec![]), ("edit", vec!["view"]), ("a", vec!["owner", "on"])] {
            assert_eq!(did_you_mean(word, candidates), "", "{word}");
        }
    }
}
