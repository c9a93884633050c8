// SPDX-License-Identifier: Apache-2.0
#include "user/output/outputs.h"

#include <cstdlib>
#include <utility>

#include "user/output/both_reporters.h"
#include "user/output/json/json_reporter.h"
#include "user/output/text/text_reporter.h"
#include "user/output/vendor_names.h"

namespace flowstamp::output {

namespace {

std::unique_ptr<Reporter> text_reporter(const ReportChoice& choice, Output& output) {
    Detail detail = choice.quiet ? Detail::findings : Detail::resets;
    if (choice.verbosity > 0) {
        detail = Detail::all;
    }
    const bool colour =
        wants_colour(output.is_terminal(), std::getenv("NO_COLOR"), std::getenv("CLICOLOR_FORCE"));
    return std::make_unique<TextReporter>(output, Style(colour), detail);
}

std::unique_ptr<Reporter> make_reporter(const ReportChoice& choice, Output& output) {
    if (choice.json) {
        return std::make_unique<JsonReporter>(output);
    }
    return text_reporter(choice, output);
}

}  // namespace

Result<ReportStreams> ReportStreams::open(const ReportChoice& choice) {
    auto output = choice.output ? Output::file(*choice.output) : Output::standard_output();
    if (!output) {
        return std::unexpected(std::move(output).error());
    }
    ReportStreams streams;
    streams.output_ = std::make_unique<Output>(std::move(*output));
    streams.main_ = make_reporter(choice, *streams.output_);
    streams.reporter_ = streams.main_.get();
    if (choice.print) {
        streams.printed_ = std::make_unique<Output>(Output::standard_output());
        streams.print_ = text_reporter(choice, *streams.printed_);
        streams.both_ = std::make_unique<BothReporters>(*streams.main_, *streams.print_);
        streams.reporter_ = streams.both_.get();
    }
    streams.named_ = std::make_unique<VendorNames>(*streams.reporter_);
    return streams;
}

bool ReportStreams::is_broken() const {
    return !output_->health() || (printed_ && !printed_->health());
}

Status ReportStreams::status() const {
    for (const Output* output : {output_.get(), printed_.get()}) {
        if (output != nullptr && !output->health() && !output->reader_has_gone()) {
            return output->health();
        }
    }
    return {};
}

}  // namespace flowstamp::output
