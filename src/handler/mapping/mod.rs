/*! From a request to a script and its groups: [`route`] (aliases and URLs), [`script`] (what httpd makes of these), [`group_name`] (groups that depend on
the request). *Runs in: child.* */

pub mod group_name;
pub mod route;
pub mod script;
