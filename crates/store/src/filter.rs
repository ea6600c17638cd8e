//! A `WHERE` that grows: lists filter by what the person chose, and only by that.
//! A file of its own because placeholders are numbered and must stay in step with their values.

use crate::db::Value;

/// Conditions joined by AND, with their values. Conditions are written with `?`, numbered here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    sql: String,
    values: Vec<Value>,
}

impl Filter {
    /// Adds a condition; it has one `?` for each value.
    pub(crate) fn and(&mut self, condition: &'static str, values: Vec<Value>) {
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(&number(condition, self.values.len()));
        self.values.extend(values);
    }

    /// Adds `column IN (…)`; no value means that nothing fits.
    pub(crate) fn and_in(&mut self, column: &'static str, values: Vec<Value>) {
        self.and_around(&format!("{column} IN ("), values, ")");
    }

    /// Adds `column IN (SELECT wanted … WHERE wanted IN (…))`, written by the caller up to and after the list.
    pub(crate) fn and_around(&mut self, before: &str, values: Vec<Value>, after: &str) {
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        if values.is_empty() {
            self.sql.push_str("1 = 0");
            return;
        }
        let marks = vec!["?"; values.len()].join(", ");
        self.sql.push_str(&number(&format!("{before}{marks}{after}"), self.values.len()));
        self.values.extend(values);
    }

    /// The whole statement: `head`, the conditions, `tail` (whose `?` take `tail_values`).
    pub(crate) fn statement(&self, head: &str, tail: &str, tail_values: Vec<Value>) -> (String, Vec<Value>) {
        let tail = number(tail, self.values.len());
        let mut values = self.values.clone();
        values.extend(tail_values);
        (format!("{head}{}{tail}", self.sql), values)
    }
}

/// Replaces each `?` by `$n`, counting on after `taken`.
fn number(text: &str, taken: usize) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut next = taken;
    for part in text.split_inclusive('?') {
        match part.strip_suffix('?') {
            Some(before) => {
                next += 1;
                out.push_str(before);
                out.push('$');
                out.push_str(&next.to_string());
            }
            None => out.push_str(part),
        }
    }
    out
}

/// A pattern for `LIKE … ESCAPE '\'` that finds the text anywhere.
pub(crate) fn contains_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::bind;

    #[test]
    fn placeholders_stay_in_step() {
        let mut filter = Filter::default();
        filter.and("a = ?", bind![1_i64]);
        filter.and_in("b", bind![2_i64, 3_i64]);
        let (sql, values) = filter.statement("SELECT 1 FROM t", " LIMIT ?", bind![4_i64]);
        assert_eq!(sql, "SELECT 1 FROM t WHERE a = $1 AND b IN ($2, $3) LIMIT $4");
        assert_eq!(values.len(), 4);
    }

    #[test]
    fn an_empty_list_fits_nothing() {
        let mut filter = Filter::default();
        filter.and_in("b", Vec::new());
        assert_eq!(filter.statement("SELECT 1 FROM t", "", Vec::new()).0, "SELECT 1 FROM t WHERE 1 = 0");
    }

    #[test]
    fn wildcards_are_only_letters() {
        assert_eq!(contains_pattern("50%_A\\"), "%50\\%\\_a\\\\%");
    }
}
