//! The places that docs/windbg.md sets breakpoints at.

use std::io::Cursor;

use pdb2::{FallibleIterator, PDB, SymbolData};

use super::built::Built;

/// What a breakpoint is set at in the document: by name (`bp`) or by pattern (`bm`).
pub(crate) fn in_document(document: &str) -> Vec<&str> {
    let commands = document.split('`').filter(|text| text.starts_with("bp ") || text.starts_with("bm "));
    commands.filter_map(|command| command.split_once("whowrote!")).map(|(_, name)| name.trim()).collect()
}

/// Whether the symbols have a function of this name, or whose name begins as the pattern does.
pub(crate) fn is_function(functions: &[String], name: &str) -> bool {
    match name.strip_suffix('*') {
        Some(beginning) => functions.iter().any(|function| function.starts_with(beginning)),
        None => functions.iter().any(|function| function == name),
    }
}

/// All functions that the symbols have, and all public names.
pub(crate) fn functions(built: &Built) -> Result<Vec<String>, pdb2::Error> {
    let mut symbols = PDB::open(Cursor::new(&built.symbols))?;
    let mut names = Vec::new();
    let global = symbols.global_symbols()?;
    let mut public = global.iter();
    while let Some(symbol) = public.next()? {
        if let Ok(SymbolData::Public(public)) = symbol.parse() {
            names.push(public.name.to_string().into_owned());
        }
    }
    let information = symbols.debug_information()?;
    let mut modules = information.modules()?;
    while let Some(module) = modules.next()? {
        let Some(module) = symbols.module_info(&module)? else { continue };
        let mut own = module.symbols()?;
        while let Some(symbol) = own.next()? {
            if let Ok(SymbolData::Procedure(procedure)) = symbol.parse() {
                names.push(procedure.name.to_string().into_owned());
            }
        }
    }
    Ok(names)
}
