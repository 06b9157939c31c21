/*! All servers, as the checks of the configuration as a whole want them. *Runs in: parent, child.* */

use super::module_config;
use crate::httpd::server::Server;
use config::global_checks::ServerView;

/// All servers, as the functions of `config::global_checks` want them.
pub fn views<'s>(main: Server<'s>) -> Vec<ServerView<'s>> {
    main.all()
        .map(|server| ServerView {
            config: module_config::of_server(server),
            directory: module_config::of_sections(server),
            host: server.host(),
            port: server.configured_port(),
            reachable: server.is_reachable(),
        })
        .collect()
}
