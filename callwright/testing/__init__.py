"""Fakes and scripted parts that ship, so that authors test their own applications."""
