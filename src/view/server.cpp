#include "view/server.h"

#include <sys/socket.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "view/view_data.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <httplib.h>
#pragma GCC diagnostic pop

namespace qloom::view {
namespace {

constexpr const char* kHost = "127.0.0.1";
constexpr int kThreads = 8;
constexpr int kReadSeconds = 5;  // a sender slower than this is dropped
constexpr std::int64_t kMostCycles = 1'000'000'000'000;

void answer(httplib::Response& response, int status, const nlohmann::ordered_json& json) {
    response.status = status;
    response.set_content(
        json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace),
        "application/json");
}

void refuse(httplib::Response& response, int status, const std::string& what) {
    answer(response, status, {{"error", {{"what", what}}}});
}

// A decimal number of digits only, from 1 to kMostCycles.
std::optional<std::int64_t> cycles_of(const std::string& text) {
    std::int64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || at != end || value < 1 || value > kMostCycles) return std::nullopt;
    return value;
}

}  // namespace

struct Server::Impl {
    ServerContent content;
    int port = 0;
    std::set<std::string> own_names;  // what Host may say
    std::mutex work;                  // one computation at a time
    std::mutex life;                  // guards the next two
    bool started = false;
    bool stopped = false;
    std::atomic<bool> finished = false;
    httplib::Server server;

    // "" for a request of the page itself or of a person's own tool, else why it is refused.
    [[nodiscard]] std::string objection(const httplib::Request& request) const {
        if (request.get_header_value_count("Host") != 1 ||
            !own_names.contains(request.get_header_value("Host")))
            return "this server answers to its own address only";
        const std::size_t origins = request.get_header_value_count("Origin");
        if (origins > 1) return "a request has one origin";
        if (origins == 1) {
            const std::string origin = request.get_header_value("Origin");
            if (!origin.starts_with("http://") || !own_names.contains(origin.substr(7)))
                return "other origins get no answers";
        }
        if (request.has_header("Sec-Fetch-Site")) {
            const std::string site = request.get_header_value("Sec-Fetch-Site");
            const bool opens_page = site == "cross-site" && request.path == "/" &&
                                    request.get_header_value("Sec-Fetch-Mode") == "navigate" &&
                                    request.get_header_value("Sec-Fetch-Dest") == "document";
            if (site != "same-origin" && site != "none" && !opens_page)
                return "other origins get no answers";
        }
        return "";
    }

    // Runs `make` alone and sends what it returns, or the diagnostic that it throws.
    template <class Make>
    void compute(httplib::Response& response, const Make& make) {
        const std::lock_guard<std::mutex> lock(work);
        try {
            make();
        } catch (const Error& error) {
            answer(response, 422, {{"error", diagnostic_json(error.diagnostic())}});
        } catch (const std::exception& error) {
            refuse(response, 500, error.what());
        }
    }

    // The answer of `make` for the cycles a frame that the request names.
    void serve_target(const httplib::Request& request, httplib::Response& response,
                      const std::function<nlohmann::ordered_json(std::int64_t)>& make) {
        if (!make) {
            refuse(response, 404, "there is no accelerator to fold");
            return;
        }
        const std::optional<std::int64_t> ii = request.get_param_value_count("ii") == 1
                                                   ? cycles_of(request.get_param_value("ii"))
                                                   : std::nullopt;
        if (!ii) {
            refuse(response, 400,
                   fmt::format("ii must be one number of cycles from 1 to {}", kMostCycles));
            return;
        }
        compute(response, [&] { answer(response, 200, make(*ii)); });
    }

    void add_routes() {
        server.Get("/", [this](const httplib::Request&, httplib::Response& response) {
            // Scripts and styles stand in the page itself; it talks to this server only.
            response.set_header(
                "Content-Security-Policy",
                "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                "img-src data:; "
                "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
            response.set_content(content.page, "text/html; charset=utf-8");
        });
        server.Get("/api/view", [this](const httplib::Request&, httplib::Response& response) {
            compute(response, [&] { response.set_content(content.view(), "application/json"); });
        });
        server.Get("/api/fold",
                   [this](const httplib::Request& request, httplib::Response& response) {
                       serve_target(request, response, content.fold);
                   });
        server.Get("/api/streams",
                   [this](const httplib::Request& request, httplib::Response& response) {
                       serve_target(request, response, content.streams);
                   });
        server.Get("/api/live", [this](const httplib::Request&, httplib::Response& response) {
            compute(response, [&] { answer(response, 200, content.live()); });
        });
        server.Get("/favicon.ico", [](const httplib::Request&, httplib::Response& response) {
            response.status = 204;
        });
    }

    void configure() {
        server.set_default_headers({{"X-Content-Type-Options", "nosniff"},
                                    {"Cross-Origin-Resource-Policy", "same-origin"},
                                    {"Cross-Origin-Opener-Policy", "same-origin"},
                                    {"Referrer-Policy", "no-referrer"},
                                    {"Cache-Control", "no-store"}});
        server.set_pre_routing_handler(
            [this](const httplib::Request& request, httplib::Response& response) {
                if (request.method != "GET" && request.method != "HEAD") {
                    response.set_header("Allow", "GET, HEAD");
                    refuse(response, 405, "only GET and HEAD");
                    return httplib::Server::HandlerResponse::Handled;
                }
                const std::string why = objection(request);
                if (why.empty()) return httplib::Server::HandlerResponse::Unhandled;
                refuse(response, 403, why);
                return httplib::Server::HandlerResponse::Handled;
            });
        server.set_error_handler([](const httplib::Request&, httplib::Response& response) {
            if (response.body.empty()) refuse(response, response.status, "nothing is served here");
        });
        // Without SO_REUSEPORT, which the library would set: a port that somebody else serves is
        // taken.
        server.set_socket_options([](socket_t socket) {
            const int yes = 1;
            ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        });
        server.set_payload_max_length(0);
        server.set_read_timeout(kReadSeconds, 0);
        server.set_keep_alive_timeout(1);  // how long stop() may have to wait
        server.set_tcp_nodelay(true);
        server.new_task_queue = [] {
            return new httplib::ThreadPool(kThreads);
        };  // the library deletes it
    }
};

Server::Server(ServerContent content, int port) : impl_(std::make_unique<Impl>()) {
    impl_->content = std::move(content);
    impl_->configure();
    impl_->add_routes();
    if (port == 0) {
        impl_->port = impl_->server.bind_to_any_port(kHost);
    } else {
        impl_->port = impl_->server.bind_to_port(kHost, port) ? port : -1;
    }
    if (impl_->port <= 0) {
        throw Error(code::kPortTaken, fmt::format("{}:{}", kHost, port),
                    "the page cannot be served at this port",
                    "name a free one with --port, or leave --port out");
    }
    for (const char* name : {"127.0.0.1", "localhost"}) {
        impl_->own_names.insert(fmt::format("{}:{}", name, impl_->port));
        if (impl_->port == 80) impl_->own_names.insert(name);
    }
}

Server::~Server() { stop(); }

int Server::port() const { return impl_->port; }

std::string Server::address() const { return fmt::format("http://{}:{}/", kHost, impl_->port); }

void Server::run() {
    {
        const std::lock_guard<std::mutex> lock(impl_->life);
        if (impl_->stopped) return;
        impl_->started = true;
    }
    impl_->server.listen_after_bind();
    impl_->finished = true;
}

// The library forgets a stop() that comes before its loop runs.
void Server::stop() {
    {
        const std::lock_guard<std::mutex> lock(impl_->life);
        impl_->stopped = true;
        if (!impl_->started) return;
    }
    while (!impl_->server.is_running() && !impl_->finished)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    impl_->server.stop();
}

}  // namespace qloom::view
