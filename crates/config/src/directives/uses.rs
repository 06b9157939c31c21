/*! Where process groups are named, for what only the whole configuration shows. */

use crate::directive::DirectiveContext;
use crate::settings::section::GroupUse;
use crate::settings::{GroupName, ServerConfig};

/// Remembers that `directive` names `group`; as its option `process-group=` if `option`, to load a script at start if `import`.
pub fn note(
    config: &mut ServerConfig,
    directive: &str,
    group: Option<&GroupName>,
    option: bool,
    import: bool,
    context: &DirectiveContext<'_>,
) {
    if let Some(GroupName::Literal(name)) = group {
        let directive = if option { format!("{directive} (process-group=)") } else { directive.to_owned() };
        let in_section = context.section.is_some();
        config.uses.push(GroupUse { name: name.clone(), directive, defined_at: context.name(), in_section, import });
    }
}
