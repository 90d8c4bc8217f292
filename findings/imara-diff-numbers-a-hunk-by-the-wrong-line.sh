#!/usr/bin/env bash
# imara-diff 0.2.0 (crates.io). Rust with cargo, and patch.
#
# Guess: the unified diff of a changed line shows as many lines around it as asked for, and its header has the number of the
#   first line that it shows, as diff(1) writes it.
# Seen: this holds for a change in the first lines of a file, and further down. In between (the lines 5 to 7 with the usual
#   three lines around a change) the hunk shows every line from the first one, up to six before the change, and its header
#   counts as if there were three: a change of line 6 begins with line 1, and the header says line 3. patch(1) finds that
#   nothing matches there, and applies it with fuzz and an offset. The lengths in the header are those of the lines that it
#   shows, so only the start is wrong.
# Why it matters: what shows a change of configuration to an operator names the wrong lines, for the short files that
#   configurations are. `patch --fuzz=0` refuses it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"
[dependencies]
imara-diff = "=0.2.0"
TOML
cat >src/main.rs <<'RS'
use imara_diff::{Algorithm, BasicLineDiffPrinter, Diff, InternedInput, UnifiedDiffConfig};

fn main() {
    let changed: usize = std::env::args().nth(1).and_then(|it| it.parse().ok()).unwrap_or_default();
    let text = |changed| -> String {
        (1..=12).map(|line| if line == changed { format!("new {line}\n") } else { format!("line {line}\n") }).collect()
    };
    let (before, after) = (text(0), text(changed));
    let input = InternedInput::new(before.as_str(), after.as_str());
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    print!("{}", diff.unified_diff(&BasicLineDiffPrinter(&input.interner), UnifiedDiffConfig::default(), &input));
}
RS
cargo build --quiet
seq -f 'line %g' 12 >before
seen=
for line in 3 4 5 6 7 8 9; do
    sed "s/^line $line\$/new $line/" before >after
    target/debug/finding "$line" >hunk
    theirs=$(sed -n 1p hunk)
    first=$(sed -n '2s/^.//p' hunk)
    diff -U3 before after >unified || true
    usual=$(sed -n 3p unified)
    echo "change of line $line: $theirs and the first line shown is '$first'; diff: $usual"
    [ "$theirs" = "$usual" ] || seen="$seen $line"
done
{ printf -- '--- before\n+++ before\n' && target/debug/finding 6; } >patch
applied=$(patch --dry-run before patch)
echo "patch: $applied"
! patch --dry-run --fuzz=0 before patch || { echo "CHANGED: it applies without fuzz"; exit 1; }
[ "$seen" = ' 5 6 7' ] || { echo "CHANGED: other headers than those of diff for:$seen"; exit 1; }
grep -q 'fuzz' <<<"$applied" || { echo 'CHANGED: patch applies it where the header says'; exit 1; }
echo 'as described'
