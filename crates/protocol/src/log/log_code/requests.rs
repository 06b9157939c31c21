/*! Messages about requests: 1100 to 1149 about routing and preconditions, 1150 to 1199 about request and response bodies. */

log_codes! {
    1101 SCRIPT_MISSING Error "the WSGI script does not exist"
        cause "The URL is mapped to a file that does not exist."
        did "The request got 404."
        cure "Create the file, or correct the path in the alias that the message names.";
    1102 SCRIPT_IS_DIRECTORY Error "the URL is mapped to a directory, not to a WSGI script"
        cause "The URL leads to a directory instead of a script in it."
        did "The request got 403."
        cure "Request a script in the directory, or map the URL to a script.";
    1103 EXEC_CGI_OFF Error "scripts may not run in this directory"
        cause "The script was mapped by `AddHandler` or `SetHandler`, and `Options ExecCGI` is not set for its directory."
        did "The request got 403."
        cure "Set `Options +ExecCGI` for the directory, or map a URL path that no `Alias` covers to the script with `WSGIScriptAlias`, which does not need it.";
    1104 PATH_INFO_REFUSED Error "the URL has a path after the script, which is not accepted"
        cause "`AcceptPathInfo Off` applies to the script, and the URL continues after the name of the script."
        did "The request got 404."
        cure "Remove `AcceptPathInfo Off` for the script.";
    1105 TRANSFER_ENCODING_UNKNOWN Error "the Transfer-Encoding is not supported"
        cause "The request uses a transfer coding other than `chunked`."
        did "The request got 501."
        cure "Correct the client or the proxy that sent the request.";
    1106 CHUNKED_REFUSED Error "a chunked request body was refused"
        cause "The request has `Transfer-Encoding: chunked` instead of `Content-Length`, and `WSGIChunkedRequest` is off."
        did "The request got 411."
        cure "Set `WSGIChunkedRequest On` if the application can read a body of unknown length.";
    1107 CONTENT_LENGTH_MALFORMED Error "the Content-Length is not a number"
        cause "The `Content-Length` of the request contains characters other than decimal digits."
        did "The request got 400."
        cure "Correct the client that sent the request.";
    1108 REQUEST_BODY_TOO_LARGE Error "the request body is too large"
        cause "The body is longer than `LimitRequestBody` permits."
        did "The request got 413."
        cure "Raise `LimitRequestBody` for the location if the application expects such requests.";
    1109 EMBEDDED_RESTRICTED Error "embedded mode is forbidden"
        cause "The application is configured for embedded mode, and `WSGIRestrictEmbedded On` forbids it."
        did "The request got 500."
        cure "Remove `WSGIRestrictEmbedded On`, or assign the application to a process group of `WSGIDaemonProcess`.";
    1110 PROCESS_GROUP_UNDEFINED Error "the process group does not exist"
        cause "`WSGIProcessGroup`, `process-group=` or the variable that it expands names a group that no `WSGIDaemonProcess` declares."
        did "The request got 500."
        cure "Declare the group, or correct the name. `%{GLOBAL}` selects embedded mode.";
    1111 PYTHON_UNAVAILABLE Error "Python does not run in this httpd child process"
        cause "Python could not be started when the child process began. The message contains the reason."
        did "The request got 503 with `Retry-After`. httpd serves everything else."
        cure "Fix the cause and restart httpd. `apachectl configtest` checks whether Python can be started.";
    1150 RESPONSE_NOT_SENT Error "an output filter failed"
        cause "An output filter of httpd returned an error. The message contains it."
        did "The response was aborted so that the client can detect the truncation."
        cure "Check the modules that filter this response (`SetOutputFilter`, `AddOutputFilterByType`).";
    1151 FILE_ENDED_EARLY Error "a file became shorter while it was sent"
        cause "Another program truncated or overwrote the file after the application had returned it through `wsgi.file_wrapper`, or the disk failed."
        did "The response was aborted so that the client can detect the truncation: the connection was closed, or the HTTP/2 stream was reset."
        cure "Let the program write a new file and rename it to the final name when it is complete.";
    1180 BODY_TOO_LONG Warning "the response body is longer than its Content-Length"
        cause "The application set `Content-Length` itself and then returned more bytes."
        did "The bytes beyond `Content-Length` were dropped."
        cure "Correct the header of the application, or leave it out: the server sets it for a list or tuple.";
    1181 BODY_TOO_SHORT Warning "the response body is shorter than its Content-Length"
        cause "The application set `Content-Length` itself and then returned fewer bytes."
        did "The bytes were sent. Then the connection was closed, so that the client can detect that the response is incomplete."
        cure "Correct the header of the application, or leave it out: the server sets it for a list or tuple.";
}
