// Without the search, which would be built in a worker made from text.
window.Redoc.init("/api/schema/", { disableSearch: true, hideLoading: true }, document.getElementById("api"));
