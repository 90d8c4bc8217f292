//! The styles of a text by their names: `{STRONG}…{STRONG:#}`.

use crate::terminal::Style;

/// Bold.
pub const STRONG: Style = Style::Strong;
/// Something was created, or is ok.
pub const GOOD: Style = Style::Good;
/// Something changes, or needs attention.
pub const CHANGED: Style = Style::Changed;
/// Something is removed, or is broken.
pub const BAD: Style = Style::Bad;
/// Less important.
pub const DIM: Style = Style::Dim;
