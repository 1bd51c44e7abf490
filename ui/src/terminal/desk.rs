//! What only the owner of a real terminal can do: give it to the shell, or to an editor. A console that is served to others
//! has no desk.

/// The terminal's owner. Calls block until the terminal is the console's again.
pub trait Desk: Send {
    /// Gives the terminal to the shell until the process is continued.
    fn suspend(&mut self) -> Result<(), String>;

    /// Lets the operator edit a text; gives it as it was left.
    fn edit(&mut self, name: &str, text: &str) -> Result<String, String>;

    /// Columns and rows now.
    fn size(&self) -> (u16, u16);
}
