// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The only file that knows curses.
#include "user/output/view/screen.h"

#include <curses.h>
#include <poll.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "user/base/fd.h"
#include "user/output/style.h"

namespace flowstamp::output {

namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kLeaveWithin = 500ms;
constexpr int kEscapeWaitMs = 25;    ///< for what follows Esc in the sequence of a key
constexpr int kRedraw = 'L' & 0x1f;  ///< Ctrl-L

/// newterm() catches these; the program's own ways to deal with them stay in force.
constexpr std::array kCaught = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH};

/// SGR's colours, as pairs of curses: 31 is pair 1.
constexpr int kFirstColour = 30, kLastColour = 37;

/// The attributes after one parameter of SGR.
chtype with_parameter(chtype attributes, int parameter) {
    switch (parameter) {
        case 0:
            return 0;
        case 1:
            return attributes | A_BOLD;
        case 2:
            return attributes | A_DIM;
        case 7:
            return attributes | A_REVERSE;
        default:
            break;
    }
    const bool is_colour = parameter >= kFirstColour && parameter <= kLastColour;
    return is_colour ? attributes | COLOR_PAIR(parameter - kFirstColour) : attributes;
}

/// The attributes after the sequence "1;31", which stands between ESC [ and m.
chtype with_sequence(chtype attributes, std::string_view sequence) {
    while (!sequence.empty()) {
        const std::string_view word = sequence.substr(0, sequence.find(';'));
        int parameter = 0;
        std::from_chars(word.data(), word.data() + word.size(), parameter);
        attributes = with_parameter(attributes, parameter);
        sequence.remove_prefix(std::min(sequence.size(), word.size() + 1));
    }
    return attributes;
}

/// From the cursor on.
void draw_line(std::string_view line) {
    constexpr std::string_view kBegin = "\033[";
    chtype attributes = 0;
    while (!line.empty()) {
        const std::size_t begin = std::min(line.find(kBegin), line.size());
        ::attrset(static_cast<int>(attributes));
        ::addnstr(line.data(), static_cast<int>(begin));
        line.remove_prefix(begin);
        if (!line.empty()) {
            const std::size_t end = std::min(line.find('m'), line.size() - 1);
            attributes = with_sequence(attributes, line.substr(kBegin.size(), end - kBegin.size()));
            line.remove_prefix(end + 1);
        }
    }
    ::attrset(0);
}

Key key_of(int code) {
    using Kind = Key::Kind;
    constexpr int kEscape = 27, kDelete = 127, kBackspace = 8;
    switch (code) {
        case KEY_UP:
            return {Kind::up};
        case KEY_DOWN:
            return {Kind::down};
        case KEY_PPAGE:
            return {Kind::page_up};
        case KEY_NPAGE:
            return {Kind::page_down};
        case KEY_HOME:
            return {Kind::home};
        case KEY_END:
            return {Kind::end};
        case '\r':
        case '\n':
        case KEY_ENTER:
            return {Kind::enter};
        case kEscape:
            return {Kind::escape};
        case kDelete:
        case kBackspace:
        case KEY_BACKSPACE:
            return {Kind::erase};
        default:
            break;
    }
    const bool is_letter = code >= ' ' && code < kDelete;
    return is_letter ? Key{Kind::letter, static_cast<char>(code)} : Key{};
}

}  // namespace

/// Curses writes to a file in memory, and its bytes go on to the terminal as far as that takes them:
/// by itself curses would wait for a terminal that is stopped.
struct Screen::Curses {
    Fd memory{::memfd_create("flowstamp-screen", MFD_CLOEXEC)};
    std::FILE* file = nullptr;
    SCREEN* screen = nullptr;
    termios before{};  ///< enter()

    Curses() {
        std::array<struct sigaction, kCaught.size()> actions{};
        for (std::size_t i = 0; i < kCaught.size(); i++) {
            ::sigaction(kCaught[i], nullptr, &actions[i]);
        }
        file = ::fdopen(::dup(memory.get()), "w");
        std::setlocale(LC_CTYPE, "");  // UTF-8, if the terminal has that
        ::use_env(FALSE);              // the size is that of the terminal, which memory has not
        screen = file == nullptr ? nullptr : ::newterm(nullptr, file, stdin);
        for (std::size_t i = 0; i < kCaught.size(); i++) {
            ::sigaction(kCaught[i], &actions[i], nullptr);
        }
        if (screen == nullptr) {
            return;
        }
        ::set_escdelay(kEscapeWaitMs);
        ::keypad(stdscr, TRUE);
        ::nodelay(stdscr, TRUE);
        ::curs_set(0);
        ::start_color();
        ::use_default_colors();
        for (int colour = 1; colour <= kLastColour - kFirstColour; colour++) {
            ::init_pair(static_cast<short>(colour), static_cast<short>(colour), -1);
        }
        ::endwin();
        (void)take();
    }
    Curses(const Curses&) = delete;
    Curses& operator=(const Curses&) = delete;
    ~Curses() {
        if (screen != nullptr) {
            ::delscreen(screen);
        }
        if (file != nullptr) {
            std::fclose(file);
        }
    }

    /// What curses has written since the last call.
    [[nodiscard]] std::string take() const {
        const off_t size = ::lseek(memory.get(), 0, SEEK_CUR);
        std::string text(static_cast<std::size_t>(std::max<off_t>(size, 0)), '\0');
        const ssize_t got = ::pread(memory.get(), text.data(), text.size(), 0);
        text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        ::lseek(memory.get(), 0, SEEK_SET);
        return text;
    }
};

std::unique_ptr<Screen> Screen::open() {
    const Output terminal = Output::standard_output();
    const bool is_usable = ::isatty(STDIN_FILENO) == 1 && terminal.is_terminal() &&
                           !terminal.is_background() && can_redraw(std::getenv("TERM"));
    auto curses = is_usable ? std::make_unique<Curses>() : nullptr;
    if (!curses || curses->screen == nullptr) {
        return nullptr;
    }
    return std::unique_ptr<Screen>(new Screen(std::move(curses)));
}

Screen::Screen(std::unique_ptr<Curses> curses)
    : curses_(std::move(curses)), terminal_(Output::standard_output()) {
    terminal_.outlive();
}

Screen::~Screen() {
    leave();
}

/// Ctrl-C and Ctrl-Z stay signals; that of Ctrl-\ would leave the terminal as it is then. Bytes go out
/// as curses writes them, which knows nothing of the terminal's modes.
void Screen::enter() {
    if (is_entered_ || is_background()) {
        return;
    }
    is_entered_ = true;
    ::tcgetattr(STDIN_FILENO, &curses_->before);
    termios raw = curses_->before;
    ::cfmakeraw(&raw);
    raw.c_lflag |= ISIG;
    raw.c_cc[VQUIT] = _POSIX_VDISABLE;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void Screen::leave() {
    if (!is_entered_) {
        return;
    }
    is_entered_ = false;
    ::endwin();
    flush();
    const SystemClock clock;
    terminal_.drain(clock, kLeaveWithin);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &curses_->before);
}

bool Screen::is_gone() const {
    pollfd terminal{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    return ::poll(&terminal, 1, 0) > 0 && (terminal.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

bool Screen::is_ready() {
    terminal_.retry();
    return terminal_.kept_bytes() == 0;
}

void Screen::forget() {
    ::clearok(curscr, TRUE);
}

void Screen::draw(const std::vector<std::string>& lines) {
    const Output::Size now = size();
    const auto rows = static_cast<int>(now.rows), columns = static_cast<int>(now.columns);
    if (rows != LINES || columns != COLS) {
        ::resizeterm(rows, columns);
        forget();  // the terminal may have wrapped lines
    }
    ::erase();
    for (int row = 0; row < rows && static_cast<std::size_t>(row) < lines.size(); row++) {
        ::move(row, 0);
        ::clrtoeol();  // what a wider line has left here
        draw_line(lines[static_cast<std::size_t>(row)]);
    }
    ::refresh();
    flush();
}

void Screen::flush() {
    terminal_.write(curses_->take());
}

std::optional<Key> Screen::read_key() {
    for (int code = ::getch(); code != ERR; code = ::getch()) {
        if (code == kRedraw) {
            forget();
        }
        if (code != KEY_RESIZE) {
            return key_of(code);
        }
    }
    return std::nullopt;
}

}  // namespace flowstamp::output
