package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHelloGreetsByName(t *testing.T) {
	recorder := httptest.NewRecorder()
	routes().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/hello?name=Ada", nil))
	if recorder.Code != http.StatusOK || !strings.Contains(recorder.Body.String(), "Hello, Ada!") {
		t.Fatalf("got %d %q", recorder.Code, recorder.Body.String())
	}
}

func TestLongNamesAreRefused(t *testing.T) {
	recorder := httptest.NewRecorder()
	path := "/hello?name=" + strings.Repeat("x", 101)
	routes().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	if recorder.Code != http.StatusUnprocessableEntity {
		t.Fatalf("got %d", recorder.Code)
	}
}
