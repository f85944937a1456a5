//! The command `ondelete`: arguments, streams and exit status. The work is done in `ondelete::cli`.

use ondelete::cli::{self, Arguments};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_process();
    match cli::run(&arguments, &mut anstream::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let text = failure.to_string();
            if !text.is_empty() {
                anstream::eprintln!("{text}");
            }
            ExitCode::from(failure.exit_status())
        }
    }
}
