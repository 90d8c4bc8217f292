//! The program that libFuzzer drives, for the target that `FUZZ_TARGET` names. With `FUZZ_SEEDS` it only writes the
//! seeds of each target below that directory, and prints their names.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;
use std::{env, fs, io, process};

use fuzz::{Mutator, Target, targets};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = env::var("FUZZ_TARGET").unwrap_or_default();
    let found = targets().into_iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("FUZZ_TARGET names no target: {name:?}"))
});

fn write(place: &Path) -> io::Result<()> {
    for target in targets() {
        let name = target.name.replace('/', "-");
        let dir = place.join(&name);
        fs::create_dir_all(&dir)?;
        let inputs = Mutator::new(target);
        for (at, seed) in inputs.seeds().iter().enumerate() {
            fs::write(dir.join(format!("seed-{at}")), seed)?;
        }
        let words = inputs.words().iter().filter(|word| !word.is_empty());
        let words = words.map(|word| {
            let bytes: String = word.iter().map(|byte| format!("\\x{byte:02x}")).collect();
            format!("\"{bytes}\"\n")
        });
        fs::write(place.join(name + ".dict"), words.collect::<String>())?;
        println!("{}", target.name);
    }
    Ok(())
}

libfuzzer_sys::fuzz_target!(
    init: {
        if let Some(place) = env::var_os("FUZZ_SEEDS") {
            let written = write(Path::new(&place));
            process::exit(i32::from(written.is_err()));
        }
        LazyLock::force(&TARGET);
    },
    |bytes: &[u8]| (TARGET.hold)(bytes)
);
