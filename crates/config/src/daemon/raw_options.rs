/*! The options of one `WSGIDaemonProcess` as they are typed: each one's form and range is right, nothing is put in for what is missing.
*Runs in: parent.* */

use protocol::settings::GroupOptions;

use super::account::Account;
use super::process::Preload;
use crate::settings::Text;

/// One field per option, of the same name. Times are seconds (`response_flush_delay`: milliseconds), sizes bytes.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "each field is the option of its name; `OPTIONS` describes them")]
pub struct RawOptions {
    pub user: Option<Account>,
    pub group: Option<Account>,
    pub supplementary_groups: Option<Vec<Account>>,
    pub chroot: Option<Text>,
    pub home: Option<Text>,
    pub lang: Option<Text>,
    pub locale: Option<Text>,
    pub display_name: Option<Text>,
    pub cpu_priority: Option<i32>,
    pub socket_user: Option<Account>,
    pub script_user: Option<Account>,
    pub script_group: Option<Account>,
    pub no_new_privileges: Option<bool>,
    pub dumpable: Option<bool>,
    pub descriptors: Option<bool>,
    pub env_inherit: Option<Vec<Text>>,
    pub processes: Option<u32>,
    pub threads: Option<u32>,
    pub stack_size: Option<u64>,
    pub listen_backlog: Option<u32>,
    pub maximum_in_flight: Option<u32>,
    pub send_buffer_size: Option<u32>,
    pub receive_buffer_size: Option<u32>,
    pub header_buffer_size: Option<u32>,
    pub response_buffer_size: Option<u64>,
    pub response_flush_delay: Option<u32>,
    pub memory_limit: Option<u64>,
    pub virtual_memory_limit: Option<u64>,
    pub connect_timeout: Option<u32>,
    pub socket_timeout: Option<u32>,
    pub response_socket_timeout: Option<u32>,
    pub queue_timeout: Option<u32>,
    pub startup_timeout: Option<u32>,
    pub request_timeout: Option<u32>,
    pub interrupt_timeout: Option<u32>,
    pub deadlock_timeout: Option<u32>,
    pub inactivity_timeout: Option<u32>,
    pub graceful_timeout: Option<u32>,
    pub eviction_timeout: Option<u32>,
    pub shutdown_timeout: Option<u32>,
    pub restart_interval: Option<u32>,
    pub maximum_requests: Option<u64>,
    pub cpu_time_limit: Option<u64>,
    pub switch_interval: Option<f64>,
    pub reload_wait: Option<u32>,
    pub python: Option<Text>,
    pub python_home: Option<(Text, Option<Text>)>,
    pub python_path: Option<Vec<Text>>,
    pub python_eggs: Option<Text>,
    pub server_metrics: Option<bool>,
    pub overlap: Option<bool>,
    pub preload: Option<Preload>,
    pub reload_always: Option<bool>,
    /// Those that reach the processes as they are written.
    pub options: GroupOptions,
}
