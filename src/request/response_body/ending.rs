/*! How a response ends: complete, visibly broken off, or as an answer of httpd's own. *Runs in: child.* */

use super::{Ending, ResponseBody, Taken, passed};
use crate::httpd::Status;
use crate::httpd::status::Answer;

impl ResponseBody<'_> {
    /// Sends what is left, or makes the missing end visible, and says what httpd is told.
    pub fn finish(mut self, ending: Ending) -> Answer {
        if self.answered {
            self.brigade.clear();
            self.request.connection().close_after_this();
            return Answer::Answered;
        }
        let ending = match ending {
            Ending::Done | Ending::Truncated if self.failed || !self.started => Ending::Failed(500),
            ending => ending,
        };
        match (ending, self.overridden) {
            (Ending::Done | Ending::Truncated, Some(status)) => self.leave_to_httpd(status),
            (Ending::Failed(status), _) if !self.sent => self.leave_to_httpd(status),
            (Ending::Done, None) if self.is_short() => {
                // The engine has warned of it.
                self.abort()
            }
            (Ending::Done, None) => {
                self.brigade.append_end();
                self.begin();
                let result = passed(self.request, &mut self.short, || self.request.pass(&mut self.brigade));
                if self.short {
                    return self.abort();
                }
                if self.taken(result) != Taken::Ok {
                    self.request.connection().close_after_this();
                }
                Answer::Ok
            }
            (Ending::Failed(_) | Ending::Truncated, _) => self.abort(),
            (Ending::ClientGone, _) => {
                self.brigade.clear();
                // httpd ends the response by itself, and a cache would take what there is for all of it.
                self.request.forbid_caching();
                self.request.connection().close_after_this();
                if self.started { Answer::Ok } else { Answer::Http(400) }
            }
        }
    }

    /// The application promised a longer body than it gave, and the client expects one.
    fn is_short(&self) -> bool {
        let has_body = !self.request.is_head() && !matches!(self.status, 100..=199 | 204 | 304);
        has_body && self.promised.is_some_and(|promised| self.given < promised)
    }

    /// Sends what there is, then an error bucket: chunked, the last chunk is left out; over HTTP/2 the stream is reset; otherwise
    /// the connection ends before the promised length. An error bucket that came before the head would replace it.
    pub(super) fn abort(&mut self) -> Answer {
        self.request.forbid_caching();
        // The head goes out as that of a connection that lives on: a response that the connection's end ends could not look truncated.
        let begun = self.sent || {
            self.brigade.append_flush();
            self.begin();
            passed(self.request, &mut self.short, || self.request.pass(&mut self.brigade)).is_ok()
        };
        self.request.connection().close_after_this();
        if !begun {
            return Answer::Ok;
        }
        self.brigade.append_error(502, self.request.pool());
        self.brigade.append_end();
        // When this fails the client is gone already, or a filter has dealt with the error bucket: nothing is left to be said.
        let _told: Result<(), Status> = passed(self.request, &mut self.short, || self.request.pass(&mut self.brigade));
        if self.short {
            // The end may have passed the filters already, or a filter has read less without a word.
            self.request.connection().abort();
        }
        Answer::Ok
    }

    /// Lets httpd make the answer.
    fn leave_to_httpd(&mut self, status: u16) -> Answer {
        self.brigade.clear();
        if self.started && self.overridden.is_none() {
            self.forget_head();
        }
        self.request.reset_status(self.status_before);
        Answer::Http(status)
    }
}
