//! What criterion has left in its folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result, bail};
use bench::measures::Spread;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Nanoseconds per record, by load and contender.
pub(crate) type Results = BTreeMap<String, BTreeMap<String, Spread>>;

/// `benchmark.json`
#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
}

/// `sample.json`
#[derive(Deserialize)]
struct Samples {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// Reads every benchmark below a folder.
pub(crate) fn read(folder: &Path) -> Result<Results> {
    let mut results = Results::new();
    for group in folders(folder)? {
        for function in folders(&group)? {
            let newest = function.join("new");
            if !newest.join("benchmark.json").is_file() {
                continue;
            }
            let benchmark: Benchmark = json(&newest.join("benchmark.json"))?;
            let samples: Samples = json(&newest.join("sample.json"))?;
            let measured =
                measured(&samples).with_context(|| format!("no samples in {}", newest.display()))?;
            let function = benchmark.function_id.unwrap_or_default();
            results.entry(benchmark.group_id).or_default().insert(function, measured);
        }
    }
    if results.is_empty() {
        bail!("{} has no measurements: run the benchmarks first", folder.display());
    }
    Ok(results)
}

fn folders(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    Ok(folders)
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    serde_json::from_reader(BufReader::new(file)).with_context(|| format!("cannot read {}", path.display()))
}

fn measured(samples: &Samples) -> Option<Spread> {
    Spread::of(samples.times.iter().zip(&samples.iters).map(|(time, iters)| time / iters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_the_samples_is_told() {
        let samples =
            Samples { iters: vec![1.0, 2.0, 1.0, 1.0, 10.0], times: vec![5.0, 4.0, 3.0, 4.0, 10.0] };
        let expected = Spread { median: 3.0, low: 2.0, high: 4.0 };
        assert_eq!(measured(&samples), Some(expected));
        assert_eq!(measured(&Samples { iters: vec![], times: vec![] }), None);
    }

    #[test]
    fn a_folder_without_measurements_is_an_error() {
        let folder = std::env::temp_dir().join("whowrote-no-measurements");
        std::fs::create_dir_all(&folder).expect("a folder");
        let error = read(&folder).expect_err("nothing is there").to_string();
        assert!(error.contains("run the benchmarks first"), "{error}");
    }
}
