use super::finding::Finding;
use super::subject::Subject;

/// Looks at one theme, and changes nothing.
pub(super) trait Check: Sync {
    /// The theme, as the report has it.
    fn name(&self) -> &'static str;

    /// What was found; everything that was looked at has a finding.
    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding>;
}
