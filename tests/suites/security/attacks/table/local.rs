/*! What is tried by those who are on the machine: code in a child of httpd's, httpd's user, a stranger. *Runs in: tests.* */

use super::{Row, shared};
use crate::suites::security::attacks::local::{child, restarted, server, stranger, tenant};

/// See the module.
pub const ROWS: &[Row] = &[
    shared!(Tenant "tenant-signals", "signals to httpd's parent and children, and to the supervisor", "refused", tenant),
    shared!(Tenant "tenant-looks", "memory, environment, descriptors and limits of processes of other users", "refused", tenant),
    shared!(Tenant "tenant-traces", "`ptrace` of processes of other users", "refused", tenant),
    shared!(Tenant "tenant-moves", "sockets are renamed or removed, files and links made beside them and beside the logs", "refused", tenant),
    shared!(Tenant "tenant-knocks-at-others", "connections to the sockets of other groups", "refused", tenant),
    shared!(Tenant "tenant-takes-connections", "connections of httpd's clients are taken from its listening sockets", "refused", tenant),
    shared!(Tenant "tenant-writes-shared-memory", "httpd's scoreboard, and other memory that httpd shares with its children, is written to", "refused", tenant),
    shared!(Tenant "tenant-writes-logs", "httpd's log files are written to; lines on standard error that look like httpd's", "refused; each line is marked as the group's", tenant),
    shared!(Tenant "tenant-regains", "`setuid(0)`, `setgroups`, `/etc/shadow`", "refused", tenant),
    shared!(Child "child-signals", "signals to httpd's parent, supervisor and daemon processes", "refused", child),
    shared!(Child "child-looks", "memory, environment, descriptors and limits of processes of other users", "refused", child),
    shared!(Child "child-traces", "`ptrace` of httpd's parent, supervisor and daemon processes", "refused", child),
    shared!(Child "child-moves", "sockets and log files are renamed, removed, or links put beside them", "refused", child),
    shared!(Child "child-regains", "`setuid(0)`, `setgroups`, `/etc/shadow`", "refused", child),
    shared!(Child "child-writes-into-the-parent", "`process_vm_writev` to httpd's parent and to the supervisor", "refused", child),
    shared!(Child "child-reaches-the-log-writer", "memory, descriptors and `ptrace` of the log writer, which has the child's own user; its socket", "refused", child),
    shared!(Child "child-ours-in-a-program", "a program that is executed without closing anything", "it has nothing of ours open", child),
    shared!(Stranger "stranger-signals", "signals to each process of the server's", "refused", stranger),
    shared!(Stranger "stranger-looks", "memory, environment, descriptors and limits of each process of the server's", "refused", stranger),
    shared!(Stranger "stranger-traces", "`ptrace` of each process of the server's", "refused", stranger),
    shared!(Stranger "stranger-moves", "files and links beside the sockets and logs; sockets renamed, removed, opened to all", "refused", stranger),
    shared!(Stranger "stranger-knocks", "connections to each socket of the server's", "refused", stranger),
    shared!(Stranger "server-signals", "as httpd's user: signals to processes of other users", "refused", server),
    shared!(Stranger "server-looks", "as httpd's user: memory, environment, descriptors of processes of other users", "refused", server),
    shared!(Stranger "server-traces", "as httpd's user: `ptrace` of processes of other users", "refused", server),
    shared!(Stranger "server-moves", "as httpd's user: sockets renamed or removed", "refused", server),
    shared!(Stranger "server-reaches-the-log-writer", "as httpd's user: memory, descriptors and `ptrace` of the log writer, which has the same user", "refused", server),
    shared!(Stranger "server-speaks-without-the-secret", "as httpd's user: a greeting with a guessed secret, and a request", "no word comes back", server),
    shared!(Child "child-overwrites-memory", "every memory file that the child can open or has mapped is overwritten, then httpd restarts", "root acts on none of it: the groups have their own users, and serve", restarted),
    shared!(Child "child-sends-everywhere", "nonsense and a descriptor over every Unix socket of the child, then httpd restarts", "the groups have their own users, and serve", restarted),
];
