import os

from django.shortcuts import render
from django.urls import path

VERSION = "1"


def front(request):
    greeting = os.environ.get("GREETING", "Hello")
    return render(request, "front.html", {"greeting": greeting, "version": VERSION})


urlpatterns = [path("", front)]
