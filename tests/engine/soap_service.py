"""A SOAP service of one operation, as its WSDL and its answer have it."""


def wsdl(port: int, *, asks: str, tells: str) -> bytes:
    """Of the operation `Ask`, which is given one text of that name and answers with some, comma-separated (`name:type`)."""
    told = "".join(
        f'<xs:element name="{name}" type="xs:{kind}"/>'
        for name, _, kind in (one.partition(":") for one in tells.split(","))
    )
    return f"""<?xml version="1.0"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:t="urn:t" targetNamespace="urn:t" xmlns:xs="http://www.w3.org/2001/XMLSchema">
 <types><xs:schema targetNamespace="urn:t" elementFormDefault="qualified">
  <xs:element name="Ask"><xs:complexType><xs:sequence>
   <xs:element name="{asks}" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="Told"><xs:complexType><xs:sequence>{told}</xs:sequence></xs:complexType></xs:element>
 </xs:schema></types>
 <message name="In"><part name="parameters" element="t:Ask"/></message>
 <message name="Out"><part name="parameters" element="t:Told"/></message>
 <portType name="P"><operation name="Ask"><input message="t:In"/><output message="t:Out"/></operation></portType>
 <binding name="B" type="t:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <operation name="Ask"><soap:operation soapAction="ask"/><input><soap:body use="literal"/></input>
   <output><soap:body use="literal"/></output></operation></binding>
 <service name="S"><port name="P" binding="t:B"><soap:address location="http://127.0.0.1:{port}/soap"/></port></service>
</definitions>""".encode()


def told(**values: object) -> bytes:
    """The answer."""
    fields = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    body = f'<Told xmlns="urn:t">{fields}</Told>'
    return (
        f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{body}</e:Body></e:Envelope>'.encode()
    )
