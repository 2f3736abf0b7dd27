use super::finding::Finding;
use super::subject::Subject;

/// Looks at one theme, and changes nothing.
pub(super) trait Check: Sync {
    /// The theme, as the report has it.
    fn name(&self) -> &'static str;

    /// Whether it is about the machine, whatever the configuration is.
    fn is_of_machine(&self) -> bool {
        false
    }

    /// What was found; everything that was looked at has a finding.
    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding>;
}
