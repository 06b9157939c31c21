/*! Requests: 1100 to 1149 their routing and admission, 1150 to 1199 their bodies and their responses. */

log_codes! {
    1101 SCRIPT_MISSING Error "the WSGI script does not exist"
        cause "The file that the URL leads to is not there."
        did "The request got 404."
        cure "Create the file, or correct the path in the alias that the line names.";
    1102 SCRIPT_IS_DIRECTORY Error "a directory was asked for as a WSGI script"
        cause "The URL leads to a directory, not to a script in it."
        did "The request got 403."
        cure "Ask for a script in the directory, or map the URL to a script.";
    1103 EXEC_CGI_OFF Error "scripts may not run in this directory"
        cause "The script was reached by `AddHandler` or `SetHandler`, and its directory lacks `Options ExecCGI`."
        did "The request got 403."
        cure "Write `Options +ExecCGI` for the directory, or map the script by `WSGIScriptAlias`, which does not need it.";
    1104 PATH_INFO_REFUSED Error "the path after the script is not accepted"
        cause "`AcceptPathInfo Off` holds for the script, and the URL goes on after it."
        did "The request got 404."
        cure "Remove `AcceptPathInfo Off` for the script.";
    1105 TRANSFER_ENCODING_UNKNOWN Error "a Transfer-Encoding that is not understood"
        cause "The request names another transfer coding than `chunked`."
        did "The request got 501."
        cure "Correct the client or the proxy that sent it.";
    1106 CHUNKED_REFUSED Error "a chunked request body is not accepted"
        cause "The request has no Content-Length but `Transfer-Encoding: chunked`, and `WSGIChunkedRequest` is off."
        did "The request got 411."
        cure "Write `WSGIChunkedRequest On` where the application can read a body without a length.";
    1107 CONTENT_LENGTH_MALFORMED Error "a Content-Length that is not a number"
        cause "The request's Content-Length is not a row of decimal digits."
        did "The request got 400."
        cure "Correct the client that sent it.";
    1108 REQUEST_BODY_TOO_LARGE Error "the request body is too large"
        cause "The body is longer than `LimitRequestBody` allows."
        did "The request got 413."
        cure "Raise `LimitRequestBody` for the location, if such requests are meant to come.";
    1109 EMBEDDED_RESTRICTED Error "embedded mode is forbidden"
        cause "`WSGIRestrictEmbedded On` forbids the mode that the application is configured for."
        did "The request got 500."
        cure "Remove `WSGIRestrictEmbedded On`, or give the application a process group of `WSGIDaemonProcess`.";
    1110 PROCESS_GROUP_UNDEFINED Error "the process group does not exist"
        cause "No `WSGIDaemonProcess` declares the group that `WSGIProcessGroup`, `process-group=` or the variable that they read names."
        did "The request got 500."
        cure "Declare the group, or correct the name; `%{GLOBAL}` is embedded mode.";
    1111 PYTHON_UNAVAILABLE Error "Python does not run in this Apache process"
        cause "Python could not be started when the process began; the line says why."
        did "The request got 503 with Retry-After. Apache serves everything else."
        cure "Mend the cause and restart Apache; `apachectl configtest` checks it.";
    1150 RESPONSE_NOT_SENT Error "the response could not be sent on"
        cause "An output filter of Apache failed; the line has its words."
        did "The response was cut so that it looks cut."
        cure "Look at the modules that filter this response (`SetOutputFilter`, `AddOutputFilterByType`).";
    1151 FILE_ENDED_EARLY Error "a file became shorter while it was sent"
        cause "Something shortened the file, or began to write it again in place, after the application had returned it by `wsgi.file_wrapper`; or the disk failed."
        did "The response was broken off so that the client can tell: the connection was closed, a stream of HTTP/2 reset."
        cure "Have what changes such files write a new file, and rename it to the old one's name when it is complete.";
    1180 BODY_TOO_LONG Warning "the response body is longer than its Content-Length"
        cause "The application set Content-Length itself and then gave more bytes."
        did "The bytes beyond Content-Length were left out."
        cure "Correct the application's header, or leave it out: for a list or tuple the server sets it.";
    1181 BODY_TOO_SHORT Warning "the response body is shorter than its Content-Length"
        cause "The application set Content-Length itself and then gave fewer bytes."
        did "What there was went out, and the connection was closed so that the client can tell that it is incomplete."
        cure "Correct the application's header, or leave it out: for a list or tuple the server sets it.";
}
