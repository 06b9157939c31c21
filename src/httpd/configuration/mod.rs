/*! How httpd reads the module's configuration: [`command_table`] and [`command`] (directives), [`regex`], [`module_config`] (what is kept for servers and
directories), [`views`] (all of it, for checks), [`hook`] (when httpd calls). */

pub mod command;
pub mod command_table;
pub mod hook;
pub mod module_config;
pub mod regex;
pub mod views;
