/// The names in a shell's script.
pub(super) struct Registration<'a> {
    /// The variables by which the shell says more than the words: in the script, and in the environment.
    pub(super) variables: &'a [(&'a str, &'a str)],
    /// The variable by which the shell says that it asks.
    pub(super) variable: &'a str,
    pub(super) completer: &'a str,
    pub(super) command: &'a str,
}

impl Registration<'_> {
    /// The script with these names in it.
    pub(super) fn fill(&self, script: &str) -> String {
        let mut script = script.to_owned();
        for (name, in_environment) in self.variables {
            script = script.replace(&format!("{name}="), &format!("{in_environment}="));
        }
        script
            .replace("VARIABLE", self.variable)
            .replace("COMPLETER", self.completer)
            .replace("COMMAND", self.command)
    }
}
